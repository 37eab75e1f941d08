//! The keys of tickets: the newest one encrypts, all of them decrypt.
//!
//! Each ticket has a key of its own, derived from one of the ring, its salt and the name of its scheme, so that neither
//! the number of tickets nor a ticket of another scheme weakens one. The cipher is AES-256-GCM.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use parking_lot::RwLock;

use crate::authentication::cookie::CookieError;

/// The keys of tickets. A clone is the same ring: what is rotated in one is rotated in the other.
///
/// Keep the keys where the server's secrets are, and give all servers that share users the same ones. When a key is
/// replaced, the older ones are kept until their last ticket has expired.
///
/// ```
/// use actix_signalr::KeyRing;
///
/// let (this_month, last_month) = ([1; 32], [2; 32]);
/// let keys = KeyRing::new(this_month).with_older(last_month);
/// ```
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Vec<RingKey>>>);

#[derive(Clone)]
struct RingKey {
    /// Derived from the key: it tells keys apart, and nothing about them.
    id: [u8; ID_LENGTH],
    key: [u8; KEY_LENGTH],
}

impl KeyRing {
    /// A ring of one key: 32 bytes that nobody can guess.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Arc::new(RwLock::new(vec![RingKey::new(key)])))
    }

    /// A ring of one key that nobody knows. With it everybody is signed out when the server starts again, and no other
    /// server knows its users.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn random() -> Result<Self, CookieError> {
        Ok(Self::new(random()?))
    }

    /// Adds a key that decrypts and does not encrypt any more. Of more than 16 keys the oldest are dropped.
    #[must_use]
    pub fn with_older(self, key: [u8; 32]) -> Self {
        self.update(|keys| keys.push(RingKey::new(key)));
        self
    }

    /// Makes a key the newest, from now on and in all clones. Of more than 16 keys the oldest are dropped.
    pub fn rotate(&self, key: [u8; 32]) {
        self.update(|keys| keys.insert(0, RingKey::new(key)));
    }

    fn update(&self, change: impl FnOnce(&mut Vec<RingKey>)) {
        let mut keys = self.0.write();
        change(&mut keys);
        keys.truncate(MAXIMUM_KEYS);
    }

    /// Encrypts with the newest key, for `purpose` alone.
    pub(super) fn protect(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, CookieError> {
        let newest = self.0.read().first().cloned().ok_or(CookieError::Encryption)?;
        let (salt, nonce) = (random::<SALT_LENGTH>()?, random::<NONCE_LEN>()?);
        let mut sealed = Vec::with_capacity(HEAD_LENGTH + NONCE_LEN + plain.len() + TAG_LENGTH);
        sealed.push(VERSION);
        sealed.extend_from_slice(&newest.id);
        sealed.extend_from_slice(&salt);
        let associated = Aad::from(sealed.clone());
        let mut text = plain.to_vec();
        let key = newest.derive(&salt, purpose).ok_or(CookieError::Encryption)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), associated, &mut text)
            .map_err(|_| CookieError::Encryption)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Decrypts what was encrypted for `purpose` with one of the keys; `None` for anything else.
    pub(super) fn unprotect(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = sealed.split_at_checked(HEAD_LENGTH)?;
        let (version, rest_of_head) = head.split_first()?;
        let (id, salt) = rest_of_head.split_at_checked(ID_LENGTH)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        if *version != VERSION {
            return None;
        }
        let key = self.0.read().iter().find(|key| key.id == id).cloned()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = key.derive(salt, purpose)?.open_in_place(nonce, Aad::from(head), &mut text).ok()?;
        let length = opened.len();
        text.truncate(length);
        Some(text)
    }
}

impl fmt::Debug for KeyRing {
    /// Their number alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.0.read().len()).finish()
    }
}

impl RingKey {
    fn new(key: [u8; KEY_LENGTH]) -> Self {
        let mut long = [0; KEY_LENGTH];
        let derived = Salt::new(HKDF_SHA256, b"key id").extract(&key);
        // Cannot fail: the length is that of the hash.
        if let Ok(material) = derived.expand(&[PURPOSE], HKDF_SHA256) {
            let _ = material.fill(&mut long);
        }
        let id = *long.first_chunk().unwrap_or(&[0; ID_LENGTH]);
        Self { id, key }
    }

    /// The key of one ticket.
    fn derive(&self, salt: &[u8], purpose: &str) -> Option<LessSafeKey> {
        let extracted = Salt::new(HKDF_SHA256, salt).extract(&self.key);
        let info = [PURPOSE, purpose.as_bytes()];
        let material = extracted.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(material)))
    }
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], CookieError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| CookieError::Encryption)?;
    Ok(bytes)
}

/// Of the format; another one cannot be read.
const VERSION: u8 = 1;
const KEY_LENGTH: usize = 32;
const ID_LENGTH: usize = 8;
const SALT_LENGTH: usize = 16;
const HEAD_LENGTH: usize = 1 + ID_LENGTH + SALT_LENGTH;
const TAG_LENGTH: usize = 16;

/// What no other use of these keys says.
const PURPOSE: &[u8] = b"actix-signalr/cookie/1/";

/// Enough for any rotation, and quick to search.
const MAXIMUM_KEYS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_protected_is_read_with_the_same_key_and_purpose_alone() {
        let keys = KeyRing::new([1; 32]);
        let sealed = keys.protect("Cookies", b"ann").unwrap();
        assert_eq!(keys.unprotect("Cookies", &sealed).as_deref(), Some(&b"ann"[..]));
        assert_eq!(keys.unprotect("Other", &sealed), None);
        assert_eq!(KeyRing::new([2; 32]).unprotect("Cookies", &sealed), None);
        assert_ne!(keys.protect("Cookies", b"ann").unwrap(), sealed);
    }

    #[test]
    fn no_bit_can_be_changed_and_nothing_cut_off() {
        let keys = KeyRing::new([1; 32]);
        let sealed = keys.protect("Cookies", b"ann").unwrap();
        for at in 0..sealed.len() {
            assert_eq!(keys.unprotect("Cookies", &sealed[..at]), None, "cut at {at}");
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(keys.unprotect("Cookies", &flipped), None, "flipped at {at}");
        }
    }

    #[test]
    fn after_a_rotation_the_newest_key_encrypts_and_all_decrypt() {
        let keys = KeyRing::new([1; 32]);
        let clone = keys.clone();
        let old = keys.protect("Cookies", b"old").unwrap();
        clone.rotate([2; 32]);
        let new = keys.protect("Cookies", b"new").unwrap();
        assert!(keys.unprotect("Cookies", &old).is_some() && keys.unprotect("Cookies", &new).is_some());
        assert_eq!(KeyRing::new([1; 32]).unprotect("Cookies", &new), None);
        assert!(KeyRing::new([3; 32]).with_older([2; 32]).unprotect("Cookies", &new).is_some());
        for key in 10..30 {
            keys.rotate([key; 32]);
        }
        assert_eq!(keys.unprotect("Cookies", &old), None, "old keys are dropped in the end");
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        assert_eq!(format!("{:?}", KeyRing::new([7; 32])), "KeyRing { keys: 1 }");
    }
}
