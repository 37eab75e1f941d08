//! TLS to Redis, and who one is there.

use std::{fs, time::Duration};

use actix_signalr_actors::backplane::{RedisBackplane, RedisBackplaneError};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

use crate::{
    log::Log,
    redis_server::{RedisServer, free_port},
    square::{Server, until},
};

/// What signs, and what it has signed for Redis and for those who come to it.
struct Certificates {
    authority: String,
    server: (String, String),
    client: (String, String),
}

impl Certificates {
    fn make() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let sign = |names: &[&str], purpose| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
        };
        let server = sign(&["127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
        let client = sign(&["client"], ExtendedKeyUsagePurpose::ClientAuth);
        Self { authority: authority.pem(), server, client }
    }

    /// A Redis that speaks TLS at the port that is returned with it.
    fn redis(&self, clients_need_one: bool) -> (RedisServer, u16) {
        let folder = std::env::temp_dir().join(format!("redis-tls-{}-{}", std::process::id(), free_port()));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (authority, certificate, key) = (
            write("ca.pem", &self.authority),
            write("server.pem", &self.server.0),
            write("server.key", &self.server.1),
        );
        let port = free_port();
        let text = port.to_string();
        let options = [
            "--tls-port",
            &text,
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &authority,
            "--tls-auth-clients",
            if clients_need_one { "yes" } else { "no" },
        ];
        let redis = RedisServer::start_with(free_port(), &options);
        // It has read them.
        fs::remove_dir_all(&folder).unwrap();
        (redis, port)
    }
}

#[actix::test]
async fn servers_meet_over_tls_as_a_user_with_a_password() {
    let certificates = Certificates::make();
    let (redis, port) = certificates.redis(false);
    redis.command(&[
        "ACL",
        "SETUSER",
        "signalr",
        "on",
        ">se:cr@et/",
        "resetchannels",
        "&Town.*",
        "-@all",
        "+hello",
        "+publish",
        "+subscribe",
        "+unsubscribe",
        "+pubsub|numsub",
    ]);
    let builder = || {
        RedisBackplane::builder(&format!("rediss://signalr:se%3Acr%40et%2F@127.0.0.1:{port}"))
            .root_certificates(certificates.authority.clone())
    };
    let (here, there) = (Server::with(builder()), Server::with(builder()));
    here.linked().await;
    there.linked().await;
    let (ann, bob) = (here.connect("ann").await, there.connect("bob").await);
    assert_eq!(ann.invoke("Say", ("hello",)).await, Ok(()));
    assert_eq!(bob.receive::<String>("Heard").await, "hello");
    let clients = redis.command(&["CLIENT", "LIST"]);
    assert_eq!(clients.matches("user=signalr").count(), 2, "{clients}");
}

#[actix::test]
async fn who_shows_a_certificate_is_let_in_where_one_is_needed() {
    let certificates = Certificates::make();
    let (_redis, port) = certificates.redis(true);
    let (certificate, key) = certificates.client.clone();
    let url = format!("rediss://127.0.0.1:{port}");
    let builder = || RedisBackplane::builder(&url).root_certificates(certificates.authority.clone());
    let without = Server::with(builder());
    let here = Server::with(builder().client_certificate(certificate, key));
    here.linked().await;
    assert!(!without.counts().is_connected());
}

#[actix::test]
async fn a_redis_that_nobody_trusted_has_signed_for_is_not_linked_to() {
    let certificates = Certificates::make();
    let (redis, port) = certificates.redis(false);
    let url = format!("rediss://127.0.0.1:{port}");
    let of_others =
        Server::with(RedisBackplane::builder(&url).root_certificates(Certificates::make().authority));
    let of_another_name = Server::with(
        RedisBackplane::builder(&format!("rediss://localhost:{port}"))
            .root_certificates(certificates.authority.clone()),
    );
    // Those who come in make themselves known within a moment, and it has been tried more than once by then.
    let refused = || {
        let stats = redis.command(&["INFO", "STATS"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        line.and_then(|count| count.trim().parse().ok()).is_some_and(|count: u64| count > 10)
    };
    until("it has been tried", refused).await;
    for server in [&of_others, &of_another_name] {
        assert!(!server.counts().is_connected());
    }
    let trusting =
        Server::with(RedisBackplane::builder(&url).root_certificates(certificates.authority.clone()));
    trusting.linked().await;
}

#[test]
fn a_text_without_a_certificate_is_refused_when_the_backplane_is_built() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let built = RedisBackplane::builder("rediss://127.0.0.1:1").root_certificates(pem).build();
        assert!(matches!(built, Err(RedisBackplaneError::InvalidCertificate)), "{built:?}");
    }
}

#[actix::test]
async fn a_password_is_in_no_error_no_debug_form_and_no_log_line() {
    let log = Log::begin();
    let redis = RedisServer::start();
    redis.command(&["ACL", "SETUSER", "default", ">right"]);
    let url = redis.url().replace("redis://", "redis://:wr0ng-secret@");
    let builder = RedisBackplane::builder(&url)
        .sentinels(["redis://:s3ntinel-secret@127.0.0.1:1"])
        .message_timeout(Duration::from_millis(50));
    let mut shown = format!("{builder:?}");
    for url in ["redis://:wr0ng-secret@host:99999", "rediss://:wr0ng-secret@", "http://:wr0ng-secret@host"] {
        let err = RedisBackplane::new(url).unwrap_err();
        shown.push_str(&format!("{err} {err:?}"));
        assert!(matches!(err, RedisBackplaneError::InvalidUrl), "{err:?}");
    }
    let here = Server::with(RedisBackplane::builder(&url).message_timeout(Duration::from_millis(50)));
    let sent = here.context().clients().all().send("Heard", ("hello",)).await.unwrap_err();
    shown.push_str(&format!("{sent} {sent:?} {:?} {:?}", here.context(), here.counts()));
    until("the log says why", || log.text().contains("no link to Redis")).await;
    shown.push_str(&log.text());
    assert!(!shown.contains("secret"), "{shown}");
}
