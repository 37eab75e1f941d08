//! Keys that verify tokens, each bound to its algorithms.

use std::fmt;

use jsonwebtoken::{AlgorithmFamily, DecodingKey, crypto::aws_lc::DEFAULT_PROVIDER};

use crate::authentication::{ConfigurationError, jwt::SigningAlgorithm};

/// A key that verifies tokens, and the algorithms for which it does so.
///
/// What a token says about its algorithm chooses among the keys, and never what a key is used for:
/// a public key is no shared secret. That a key is not usable is found when the server is built.
#[derive(Clone)]
pub struct VerificationKey {
    kid: Option<String>,
    algorithms: Vec<SigningAlgorithm>,
    material: Result<DecodingKey, ConfigurationError>,
}

impl VerificationKey {
    /// A secret that is shared with the issuer, for HS256 unless [`algorithms`](Self::algorithms)
    /// says otherwise. It needs as many bytes as the hash has: 32, 48 or 64.
    #[must_use]
    pub fn secret(secret: &[u8]) -> Self {
        Self::new(SigningAlgorithm::Hs256, Ok(DecodingKey::from_secret(secret)))
    }

    /// An RSA public key of 2048 to 8192 bits as PEM, for RS256 unless
    /// [`algorithms`](Self::algorithms) says otherwise.
    #[must_use]
    pub fn rsa_pem(pem: &[u8]) -> Self {
        Self::public(SigningAlgorithm::Rs256, DecodingKey::from_rsa_pem(pem))
    }

    /// A public key on P-256 as PEM, for ES256.
    #[must_use]
    pub fn es256_pem(pem: &[u8]) -> Self {
        Self::public(SigningAlgorithm::Es256, DecodingKey::from_ec_pem(pem))
    }

    /// A public key on P-384 as PEM, for ES384.
    #[must_use]
    pub fn es384_pem(pem: &[u8]) -> Self {
        Self::public(SigningAlgorithm::Es384, DecodingKey::from_ec_pem(pem))
    }

    /// An Ed25519 public key as PEM, for EdDSA.
    #[must_use]
    pub fn ed_pem(pem: &[u8]) -> Self {
        Self::public(SigningAlgorithm::EdDsa, DecodingKey::from_ed_pem(pem))
    }

    /// A key that an identity provider has published, and that is known to be fit for its algorithms.
    pub(super) fn published(
        kid: Option<String>,
        algorithms: Vec<SigningAlgorithm>,
        material: DecodingKey,
    ) -> Self {
        Self { kid, algorithms, material: Ok(material) }
    }

    /// The id by which tokens name it.
    ///
    /// Once a scheme has a key with an id, a token that names an id is verified by the keys of
    /// that id alone.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The algorithms for which it is used, in place of the one it came with.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = SigningAlgorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Whether it can be used for the algorithm.
    pub(super) fn allows(&self, algorithm: SigningAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// The algorithms for which it is used.
    pub(super) fn bound_to(&self) -> &[SigningAlgorithm] {
        &self.algorithms
    }

    /// The id by which tokens name it.
    pub(super) fn id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the signature is the key's. An algorithm that it is not bound to verifies nothing.
    pub(super) fn verifies(&self, algorithm: SigningAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let Ok(material) = &self.material else { return false };
        if !self.allows(algorithm) {
            return false;
        }
        // Not the process-wide provider: which one that is depends on other crates of the
        // application, and it may be none.
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.primitive(), material);
        verifier.is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }

    /// Whether it is fit for each of its algorithms.
    pub(in crate::authentication) fn validate(&self) -> Result<(), ConfigurationError> {
        let material = self.material.as_ref().map_err(ConfigurationError::clone)?;
        self.algorithms.iter().try_for_each(|algorithm| check(*algorithm, material))
    }

    fn public(algorithm: SigningAlgorithm, read: jsonwebtoken::errors::Result<DecodingKey>) -> Self {
        let unusable = ConfigurationError::UnusableKey { expected: expected(algorithm) };
        Self::new(algorithm, read.map_err(|_| unusable))
    }

    fn new(algorithm: SigningAlgorithm, material: Result<DecodingKey, ConfigurationError>) -> Self {
        Self { kid: None, algorithms: vec![algorithm], material }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

fn check(algorithm: SigningAlgorithm, material: &DecodingKey) -> Result<(), ConfigurationError> {
    let unusable = || ConfigurationError::UnusableKey { expected: expected(algorithm) };
    let bytes = material.try_get_as_bytes().map_err(|_| unusable())?;
    if material.family() != algorithm.primitive().family() {
        return Err(unusable());
    }
    let needed = match algorithm {
        SigningAlgorithm::Hs256 => 32,
        SigningAlgorithm::Hs384 => 48,
        SigningAlgorithm::Hs512 => 64,
        // Points, uncompressed: a byte that says so and two coordinates.
        SigningAlgorithm::Es256 => 65,
        SigningAlgorithm::Es384 => 97,
        SigningAlgorithm::EdDsa => 32,
        _ => return check_rsa(bytes).unwrap_or_else(|| Err(unusable())),
    };
    match material.family() {
        AlgorithmFamily::Hmac if bytes.len() < needed => {
            Err(ConfigurationError::SecretTooShort { needed, found: bytes.len() })
        }
        AlgorithmFamily::Ec | AlgorithmFamily::Ed if bytes.len() != needed => Err(unusable()),
        _ => Ok(()),
    }
}

/// `None` if it is no public key.
fn check_rsa(der: &[u8]) -> Option<Result<(), ConfigurationError>> {
    let (modulus, _) = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der).ok()?;
    let bits = modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
    Some(if (2048..=8192).contains(&bits) { Ok(()) } else { Err(ConfigurationError::RsaKeySize { bits }) })
}

const fn expected(algorithm: SigningAlgorithm) -> &'static str {
    match algorithm {
        SigningAlgorithm::Hs256 | SigningAlgorithm::Hs384 | SigningAlgorithm::Hs512 => "a shared secret",
        SigningAlgorithm::Es256 => "a public key on P-256 in PEM form",
        SigningAlgorithm::Es384 => "a public key on P-384 in PEM form",
        SigningAlgorithm::EdDsa => "an Ed25519 public key in PEM form",
        _ => "an RSA public key in PEM form",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA: &[u8] = include_bytes!("../../../tests/keys/rsa_public.pem");
    const RSA_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/rsa_private.pem");
    const RSA_SHORT: &[u8] = include_bytes!("../../../tests/keys/short_rsa_public.pem");
    const EC256: &[u8] = include_bytes!("../../../tests/keys/ec256_public.pem");
    const EC384: &[u8] = include_bytes!("../../../tests/keys/ec384_public.pem");
    const ED: &[u8] = include_bytes!("../../../tests/keys/ed_public.pem");

    #[test]
    fn keys_that_fit_their_algorithms_are_accepted() {
        let fit = [
            VerificationKey::secret(&[1; 32]),
            VerificationKey::secret(&[1; 64]).algorithms([SigningAlgorithm::Hs384, SigningAlgorithm::Hs512]),
            VerificationKey::rsa_pem(RSA).algorithms([SigningAlgorithm::Rs256, SigningAlgorithm::Ps512]),
            VerificationKey::es256_pem(EC256),
            VerificationKey::es384_pem(EC384),
            VerificationKey::ed_pem(ED),
        ];
        for key in fit {
            assert_eq!(key.validate(), Ok(()), "{key:?}");
        }
    }

    #[test]
    fn keys_that_do_not_are_refused() {
        let unfit = [
            VerificationKey::secret(&[1; 31]),
            VerificationKey::secret(b""),
            VerificationKey::secret(&[1; 32]).algorithms([SigningAlgorithm::Hs256, SigningAlgorithm::Hs384]),
            VerificationKey::secret(RSA).algorithms([SigningAlgorithm::Rs256]),
            VerificationKey::rsa_pem(RSA).algorithms([SigningAlgorithm::Hs256]),
            VerificationKey::rsa_pem(RSA_PRIVATE),
            VerificationKey::rsa_pem(RSA_SHORT),
            VerificationKey::rsa_pem(EC256),
            VerificationKey::rsa_pem(b"no key"),
            VerificationKey::es256_pem(EC384),
            VerificationKey::es384_pem(EC256),
            VerificationKey::es256_pem(RSA),
            VerificationKey::ed_pem(EC256),
        ];
        for key in unfit {
            assert!(key.validate().is_err(), "{key:?}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_by_its_length() {
        let err = VerificationKey::secret(&[1; 16]).validate().unwrap_err();
        assert_eq!(err, ConfigurationError::SecretTooShort { needed: 32, found: 16 });
        let err = VerificationKey::rsa_pem(RSA_SHORT).validate().unwrap_err();
        assert_eq!(err, ConfigurationError::RsaKeySize { bits: 1024 });
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", VerificationKey::secret(b"topsecrettopsecrettopsecrettopse").kid("k"));
        assert_eq!(shown, r#"VerificationKey { kid: Some("k"), algorithms: [Hs256], .. }"#);
    }
}
