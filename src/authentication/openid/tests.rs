//! What becomes of tokens while an identity provider comes, goes and changes its keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use actix_web::rt::task::yield_now;
use bytes::Bytes;
use futures::future::{LocalBoxFuture, join_all};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Authority, Backchannel, BackchannelError};
use crate::authentication::{AuthenticationScheme, AuthenticationTicket, ConfigurationError, JwtBearer};

const FIRST: &[u8] = include_bytes!("../../../tests/keys/rsa_private.pem");
const SECOND: &[u8] = include_bytes!("../../../tests/keys/other_rsa_private.pem");
const ISSUER: &str = "https://login.example";

/// A provider in memory: its documents, or why there are none, and how often it was asked.
#[derive(Clone, Default)]
struct Provider(Arc<Inner>);

#[derive(Default)]
struct Inner {
    document: Mutex<Option<Bytes>>,
    keys: Mutex<Option<Bytes>>,
    asked: AtomicUsize,
    hangs: Mutex<bool>,
}

impl Provider {
    fn with_keys(keys: &[(&str, &[u8])]) -> Self {
        let provider = Self::default();
        let document = json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks")});
        *provider.0.document.lock() = Some(document.to_string().into());
        provider.publish(keys);
        provider
    }

    fn publish(&self, keys: &[(&str, &[u8])]) {
        let keys: Vec<_> = keys.iter().map(|(kid, pem)| jwk(kid, pem)).collect();
        *self.0.keys.lock() = Some(json!({"keys": keys}).to_string().into());
    }

    fn goes_down(&self) {
        *self.0.document.lock() = None;
    }

    /// How often the document was fetched.
    fn fetches(&self) -> usize {
        self.0.asked.load(Relaxed)
    }

    fn authority(&self) -> Authority {
        Authority::through(ISSUER, self.clone())
    }

    fn bearer(&self) -> JwtBearer {
        JwtBearer::with_authority(self.authority()).audience("chat")
    }
}

impl Backchannel for Provider {
    fn get<'a>(
        &'a self,
        address: &'a str,
        _limit: usize,
    ) -> LocalBoxFuture<'a, Result<Bytes, BackchannelError>> {
        Box::pin(async move {
            let is_document = address == "https://login.example/.well-known/openid-configuration";
            if is_document {
                self.0.asked.fetch_add(1, Relaxed);
            }
            yield_now().await;
            if *self.0.hangs.lock() {
                std::future::pending::<()>().await;
            }
            let body = if is_document { &self.0.document } else { &self.0.keys };
            body.lock().clone().ok_or_else(|| BackchannelError::new("nobody is there"))
        })
    }
}

fn jwk(kid: &str, pem: &[u8]) -> Value {
    let key = EncodingKey::from_rsa_pem(pem).unwrap();
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap()).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

fn token(kid: &str, pem: &[u8]) -> String {
    token_with(kid, pem, &json!({}))
}

fn token_with(kid: &str, pem: &[u8], changes: &Value) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({"sub": "ann", "iss": ISSUER, "aud": "chat", "exp": now + 600});
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_rsa_pem(pem).unwrap()).unwrap()
}

/// What the sender of a refused token is told.
async fn outcome(bearer: &JwtBearer, token: &str) -> Result<AuthenticationTicket, String> {
    let outcome = bearer.validate_token(token, SystemTime::now()).await;
    outcome.map_err(|failure| failure.description().unwrap_or("(nothing)").to_owned())
}

async fn is_accepted(bearer: &JwtBearer, token: &str) -> bool {
    outcome(bearer, token).await.is_ok()
}

#[actix_web::test]
async fn keys_and_issuer_are_fetched_once_for_all_who_wait() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    let good = token("a", FIRST);

    let accepted = join_all((0..20).map(|_| is_accepted(&bearer, &good))).await;

    assert!(accepted.into_iter().all(|accepted| accepted));
    assert_eq!(provider.fetches(), 1);
    let foreign = token_with("a", FIRST, &json!({"iss": "https://evil.example"}));
    let refused = outcome(&bearer, &foreign).await.unwrap_err();
    assert_eq!(refused, "The issuer 'https://evil.example' is invalid");
    assert_eq!(provider.fetches(), 1);
}

#[actix_web::test]
async fn t11_a_new_key_is_found_by_the_token_that_names_it() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    assert!(is_accepted(&bearer, &token("a", FIRST)).await);

    provider.publish(&[("a", FIRST), ("b", SECOND)]);

    assert!(is_accepted(&bearer, &token("b", SECOND)).await, "in the same request");
    assert!(is_accepted(&bearer, &token("a", FIRST)).await);
    assert_eq!(provider.fetches(), 2);

    let deaf = provider.bearer().refresh_on_key_not_found(false);
    provider.publish(&[("a", FIRST)]);
    assert!(is_accepted(&deaf, &token("a", FIRST)).await);
    provider.publish(&[("b", SECOND)]);
    assert!(!is_accepted(&deaf, &token("b", SECOND)).await);
}

#[actix_web::test]
async fn t12_a_flood_of_unknown_keys_makes_one_fetch_an_interval() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    assert!(is_accepted(&bearer, &token("a", FIRST)).await);

    let forged: Vec<_> = (0..50).map(|kid| token(&format!("x{kid}"), SECOND)).collect();
    let refused = join_all(forged.iter().map(|token| outcome(&bearer, token))).await;

    assert!(refused.iter().all(|refused| refused.as_ref().unwrap_err() == "The signature key was not found"));
    assert_eq!(
        provider.fetches(),
        2,
        "the first unknown key is free, and all who come with it share the fetch"
    );
    assert!(is_accepted(&bearer, &token("a", FIRST)).await, "meanwhile the others are served");
}

#[actix_web::test]
async fn t14_a_withdrawn_key_is_good_as_long_as_it_is_the_last_known_good_one() {
    for (lifetime, is_kept) in [(Duration::from_secs(3600), true), (Duration::ZERO, false)] {
        let provider = Provider::with_keys(&[("a", FIRST)]);
        let authority = provider.authority().last_known_good_lifetime(lifetime);
        let bearer = JwtBearer::with_authority(authority).audience("chat");
        let old = token("a", FIRST);
        assert!(is_accepted(&bearer, &old).await);

        provider.publish(&[("b", SECOND)]);
        assert!(is_accepted(&bearer, &old).await, "nobody has looked yet");
        assert!(is_accepted(&bearer, &token("b", SECOND)).await);

        assert_eq!(is_accepted(&bearer, &old).await, is_kept, "{lifetime:?}");
        assert!(!is_accepted(&bearer, &token("a", SECOND)).await, "the id alone is no key");
    }
}

#[actix_web::test]
async fn t14_a_key_that_never_verified_anything_is_not_kept() {
    let provider = Provider::with_keys(&[("a", FIRST), ("b", SECOND)]);
    let bearer = provider.bearer();
    // Makes it fetch, twice, without anything having been good.
    assert!(!is_accepted(&bearer, &token("x", SECOND)).await);
    provider.publish(&[("b", SECOND)]);
    let bearer = provider.bearer();
    assert!(is_accepted(&bearer, &token("b", SECOND)).await);
    assert!(!is_accepted(&bearer, &token("a", FIRST)).await);
}

#[actix_web::test]
async fn t15_without_the_provider_a_token_is_refused_and_it_is_not_asked_again_at_once() {
    let provider = Provider::default();
    let bearer = provider.bearer();
    for _ in 0..10 {
        let refused = outcome(&bearer, &token("a", FIRST)).await.unwrap_err();
        assert_eq!(refused, "The signature key was not found");
    }
    assert_eq!(provider.fetches(), 1);
}

#[actix_web::test]
async fn t15_with_keys_at_hand_the_provider_may_go() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    assert!(is_accepted(&bearer, &token("a", FIRST)).await);
    provider.goes_down();
    assert!(!is_accepted(&bearer, &token("b", SECOND)).await);
    assert!(is_accepted(&bearer, &token("a", FIRST)).await);
    assert_eq!(provider.fetches(), 2);
}

#[actix_web::test]
async fn t15_what_a_provider_may_not_answer_leaves_the_keys_as_they_are() {
    let good_document = json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks")}).to_string();
    let good_keys = json!({"keys": [jwk("b", SECOND)]}).to_string();
    let huge = format!("{}{}", " ".repeat(1024 * 1024), good_keys);
    let plain = json!({"issuer": ISSUER, "jwks_uri": "http://login.example/jwks"}).to_string();
    let nobody = json!({"issuer": " ", "jwks_uri": format!("{ISSUER}/jwks")}).to_string();
    for (document, keys) in [
        ("{", good_keys.as_str()),
        ("[]", &good_keys),
        (r#"{"issuer":5}"#, &good_keys),
        (&nobody, &good_keys),
        (&plain, &good_keys),
        (&good_document, "{"),
        (&good_document, r#"{"keys":[]}"#),
        (&good_document, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#),
        (&good_document, &huge),
    ] {
        let provider = Provider::with_keys(&[("a", FIRST)]);
        let bearer = provider.bearer();
        assert!(is_accepted(&bearer, &token("a", FIRST)).await);
        *provider.0.document.lock() = Some(document.to_owned().into());
        *provider.0.keys.lock() = Some(keys.to_owned().into());

        assert!(!is_accepted(&bearer, &token("b", SECOND)).await, "{document}");
        assert!(is_accepted(&bearer, &token("a", FIRST)).await, "{document}");
        assert_eq!(provider.fetches(), 2);
    }
}

#[actix_web::test]
async fn t15_a_provider_that_hangs_is_waited_for_no_longer_than_its_time() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    *provider.0.hangs.lock() = true;
    let authority = provider.authority().backchannel_timeout(Duration::from_millis(20));
    let bearer = JwtBearer::with_authority(authority).audience("chat");
    assert!(!is_accepted(&bearer, &token("a", FIRST)).await);
}

#[actix_web::test]
async fn a_request_that_goes_away_does_not_end_the_fetch() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    let good = token("a", FIRST);
    let mut impatient = Box::pin(is_accepted(&bearer, &good));
    assert!(futures::poll!(&mut impatient).is_pending());
    drop(impatient);
    assert!(is_accepted(&bearer, &good).await);
    assert_eq!(provider.fetches(), 1);
}

#[test]
fn a_worker_that_ends_leaves_the_fetch_to_another() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    let good = token("a", FIRST);
    *provider.0.hangs.lock() = true;
    actix_web::rt::System::new().block_on(async {
        let mut waiting = Box::pin(is_accepted(&bearer, &good));
        assert!(futures::poll!(&mut waiting).is_pending());
        yield_now().await;
    });
    *provider.0.hangs.lock() = false;
    assert!(actix_web::rt::System::new().block_on(is_accepted(&bearer, &good)));
}

#[actix_web::test]
async fn t22_a_token_with_another_fault_is_no_reason_to_fetch() {
    let provider = Provider::with_keys(&[("a", FIRST)]);
    let bearer = provider.bearer();
    assert!(is_accepted(&bearer, &token("a", FIRST)).await);
    for (changes, text) in [
        (json!({"exp": 1}), "The token expired at '01/01/1970 00:00:01'"),
        (json!({"aud": "x"}), "The audience '(null)' is invalid"),
        (json!({"iss": "x"}), "The issuer 'x' is invalid"),
    ] {
        let refused = outcome(&bearer, &token_with("x", SECOND, &changes)).await.unwrap_err();
        assert_eq!(refused, text);
    }
    assert_eq!(provider.fetches(), 1);
}

#[actix_web::test]
async fn keys_of_ones_own_stand_beside_those_of_the_provider() {
    let provider = Provider::default();
    let own = crate::VerificationKey::rsa_pem(include_bytes!("../../../tests/keys/rsa_public.pem"));
    let bearer = provider.bearer().key(own).issuer("https://own.example");
    let own_token = token_with("", FIRST, &json!({"iss": "https://own.example"}));
    assert!(is_accepted(&bearer, &own_token).await, "the provider is down");
}

#[test]
fn t15_what_is_not_safe_is_refused_when_the_server_is_built() {
    let through = |address: &str| Authority::through(address, Provider::default());
    let built = |authority: Authority| JwtBearer::with_authority(authority).audience("chat").validate();
    let option = |authority: Authority| match built(authority) {
        Err(ConfigurationError::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    assert_eq!(built(through("https://login.example/")), Ok(()));
    assert_eq!(built(through("http://localhost:1").require_https_metadata(false)), Ok(()));
    assert_eq!(option(through("http://login.example")), "with_authority");
    assert_eq!(option(through("ftp://login.example").require_https_metadata(false)), "with_authority");
    let elsewhere = through("https://login.example").metadata_address("http://login.example/x");
    assert_eq!(option(elsewhere), "with_authority");
    let hurried = through("https://x").automatic_refresh_interval(Duration::from_secs(299));
    assert_eq!(option(hurried), "automatic_refresh_interval");
    assert_eq!(option(through("https://x").refresh_interval(Duration::ZERO)), "refresh_interval");
    let unheard = JwtBearer::with_authority(through("https://x")).validate();
    assert_eq!(unheard, Err(ConfigurationError::NoAudience { scheme: "Bearer".to_owned() }));
}
