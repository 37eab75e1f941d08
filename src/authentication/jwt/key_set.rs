//! The keys that an identity provider publishes (RFC 7517).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use crate::authentication::jwt::{SigningAlgorithm, VerificationKey};

/// The keys of a JWK set that verify tokens, each bound to its algorithm, or to those of its kind if it names none.
///
/// What is not for signatures, of an unknown kind or too weak is passed over, as the standard asks. So are shared secrets: one
/// that is published is none.
pub(in crate::authentication) fn read_key_set(
    json: &[u8],
) -> Result<Vec<VerificationKey>, serde_json::Error> {
    let set: KeySet = serde_json::from_slice(json)?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Key>(key).ok()?.verification());
    Ok(keys.take(MAXIMUM_KEYS).collect())
}

#[derive(Deserialize)]
struct KeySet {
    /// Each is read for itself: one that is strange does not spoil the others.
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// `None` if it verifies no tokens.
    fn verification(self) -> Option<VerificationKey> {
        let is_for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|uses| uses.iter().any(|usage| usage == "verify"));
        if !is_for_signatures {
            return None;
        }
        let curve = self.crv.as_deref().unwrap_or_default();
        let (fit, material): (&[SigningAlgorithm], _) = match (self.kty.as_str(), curve) {
            ("RSA", _) => (&RSA, rsa(&self)?),
            ("EC", "P-256") => (&[SigningAlgorithm::Es256], curve_point(&self, 32)?),
            ("EC", "P-384") => (&[SigningAlgorithm::Es384], curve_point(&self, 48)?),
            ("OKP", "Ed25519") => (&[SigningAlgorithm::EdDsa], edwards_point(&self)?),
            _ => return None,
        };
        let algorithms = match &self.alg {
            None => fit.to_vec(),
            Some(name) => fit.iter().copied().filter(|algorithm| algorithm.name() == name).collect(),
        };
        let kid = self.kid.filter(|kid| !kid.is_empty());
        (!algorithms.is_empty()).then(|| VerificationKey::published(kid, algorithms, material))
    }
}

fn rsa(key: &Key) -> Option<DecodingKey> {
    let (modulus, exponent) = (bytes(key.n.as_ref())?, bytes(key.e.as_ref())?);
    let bits = modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
    let is_fit = (2048..=8192).contains(&bits) && !exponent.is_empty() && exponent.len() <= 8;
    is_fit.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn curve_point(key: &Key, coordinate: usize) -> Option<DecodingKey> {
    let (x, y) = (bytes(key.x.as_ref())?, bytes(key.y.as_ref())?);
    // A byte that says that both coordinates follow.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    (x.len() == coordinate && y.len() == coordinate).then(|| DecodingKey::from_ec_der(&point))
}

fn edwards_point(key: &Key) -> Option<DecodingKey> {
    let x = bytes(key.x.as_ref())?;
    (x.len() == 32).then(|| DecodingKey::from_ed_der(&x))
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

const RSA: [SigningAlgorithm; 6] = [
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Rs384,
    SigningAlgorithm::Rs512,
    SigningAlgorithm::Ps256,
    SigningAlgorithm::Ps384,
    SigningAlgorithm::Ps512,
];

/// A token without an id is tried with every key.
const MAXIMUM_KEYS: usize = 100;

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign, jwk::Jwk};
    use serde_json::json;

    use super::*;

    const RSA_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/rsa_private.pem");
    const EC256_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ec256_private.pem");
    const EC384_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ec384_private.pem");
    const ED_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ed_private.pem");

    fn keys(list: &[Value]) -> Vec<VerificationKey> {
        read_key_set(json!({ "keys": list }).to_string().as_bytes()).unwrap()
    }

    fn published(key: &EncodingKey, algorithm: Algorithm) -> Value {
        serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap()
    }

    #[test]
    fn every_kind_of_public_key_verifies_what_its_private_key_signs() {
        for (private, algorithm, own) in [
            (EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap(), Algorithm::RS256, SigningAlgorithm::Rs256),
            (EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap(), Algorithm::PS384, SigningAlgorithm::Ps384),
            (EncodingKey::from_ec_pem(EC256_PRIVATE).unwrap(), Algorithm::ES256, SigningAlgorithm::Es256),
            (EncodingKey::from_ec_pem(EC384_PRIVATE).unwrap(), Algorithm::ES384, SigningAlgorithm::Es384),
            (EncodingKey::from_ed_pem(ED_PRIVATE).unwrap(), Algorithm::EdDSA, SigningAlgorithm::EdDsa),
        ] {
            let signature = URL_SAFE_NO_PAD.decode(sign(b"text", &private, algorithm).unwrap()).unwrap();
            let [key] = keys(&[published(&private, algorithm)]).try_into().unwrap();
            assert!(key.verifies(own, b"text", &signature), "{algorithm:?}");
            assert!(!key.verifies(own, b"tex", &signature), "{algorithm:?}");
            assert_eq!(key.bound_to(), [own], "the key says for which algorithm it is");
        }
    }

    #[test]
    fn a_key_that_names_no_algorithm_is_for_those_of_its_kind() {
        let mut rsa = published(&EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap(), Algorithm::RS256);
        rsa.as_object_mut().unwrap().remove("alg");
        rsa["kid"] = json!("k");
        let [key] = keys(&[rsa]).try_into().unwrap();
        assert_eq!(key.bound_to(), RSA);
        assert_eq!(key.id(), Some("k"));
    }

    #[test]
    fn what_verifies_no_tokens_is_passed_over() {
        let good = published(&EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap(), Algorithm::RS256);
        let with = |name: &str, value: Value| {
            let mut changed = good.clone();
            changed[name] = value;
            changed
        };
        let strange = [
            json!(null),
            json!({}),
            json!({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U", "alg": "HS256"}),
            json!({"kty": "RSA"}),
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA"}),
            json!({"kty": "OKP", "crv": "X25519", "x": "AAAA"}),
            with("use", json!("enc")),
            with("key_ops", json!(["encrypt"])),
            with("alg", json!("HS256")),
            with("alg", json!("RSA-OAEP")),
            with("n", json!("not base64!")),
            with("kid", json!(5)),
        ];
        let mut list = strange.to_vec();
        assert!(keys(&list).is_empty());
        list.push(good);
        assert_eq!(keys(&list).len(), 1, "strange ones do not spoil the others");
    }

    #[test]
    fn what_is_no_key_set_is_an_error_and_a_long_one_is_cut() {
        for json in ["", "null", "[]", "{}", r#"{"keys":{}}"#] {
            assert!(read_key_set(json.as_bytes()).is_err(), "{json}");
        }
        let good = published(&EncodingKey::from_ed_pem(ED_PRIVATE).unwrap(), Algorithm::EdDSA);
        assert_eq!(keys(&vec![good; MAXIMUM_KEYS + 1]).len(), MAXIMUM_KEYS);
    }
}
