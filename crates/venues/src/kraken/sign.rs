//! Kraken's signatures, both ways: HMAC-SHA512 over the path and a hash of nonce and body.
//!
//! Source: guide "Spot REST authentication", read 2026-08-21.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

/// A key that signs, and checks signatures: they are the same. Never prints itself.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha512>);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An empty secret signs nothing.
    #[error("the secret is empty")]
    Empty,
    /// Kraken shows secrets in base64.
    #[error("the secret is not base64, as Kraken shows its private keys")]
    Form,
}

impl SigningKey {
    /// From the private key as the portal shows it.
    pub fn new(secret: &str) -> Result<SigningKey, KeyError> {
        let secret = secret.trim();
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        let bytes = STANDARD.decode(secret).map_err(|_| KeyError::Form)?;
        Hmac::new_from_slice(&bytes).map(SigningKey).map_err(|_| KeyError::Form)
    }

    fn mac(&self, path: &str, nonce: &str, body: &[u8]) -> Hmac<Sha512> {
        let inner = Sha256::new_with_prefix(nonce).chain_update(body).finalize();
        let mut mac = self.0.clone();
        mac.update(path.as_bytes());
        mac.update(&inner);
        mac
    }

    /// The value of `API-Sign` for a body that holds this nonce.
    pub fn sign(&self, path: &str, nonce: &str, body: &[u8]) -> String {
        STANDARD.encode(self.mac(path, nonce, body).finalize().into_bytes())
    }

    /// Is this the signature? The comparison takes the same time wherever they differ.
    pub fn verify(&self, path: &str, nonce: &str, body: &[u8], signature: &str) -> bool {
        let bytes = STANDARD.decode(signature.trim());
        bytes.is_ok_and(|bytes| self.mac(path, nonce, body).verify_slice(&bytes).is_ok())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/0/private/AddOrder";
    const NONCE: &str = "1767225600000";

    /// Bytes 0x00 to 0x3f.
    fn key() -> SigningKey {
        let bytes: Vec<u8> = (0..64).collect();
        SigningKey::new(&STANDARD.encode(bytes)).unwrap()
    }

    #[test]
    fn vectors() {
        for (body, signature) in [
            (
                "nonce=1767225600000&ordertype=limit&pair=XBTUSD&price=61234.5&type=buy&volume=0.002&cl_ord_id=agent-7-000001",
                "Q91IFmqEt0gLLoFuReTN8tnum8zXVwNBuXZ4r6gXfk73tHCLWR06JyEDifLC6kXGHGur0w03SuqWzjHrJOV38Q==",
            ),
            (
                r#"{"nonce":"1767225600000","ordertype":"limit","pair":"XBTUSD","type":"buy","volume":"0.002","price":"61234.5"}"#,
                "R4HQBEF/dkml0gJvgUze2IQ1+x+tIXr5u74eozGf2gWQB05epMqFYk9mFAxw/8L/ietZ9nq223qUE262QYQsVg==",
            ),
        ] {
            assert_eq!(key().sign(PATH, NONCE, body.as_bytes()), signature);
            assert!(key().verify(PATH, NONCE, body.as_bytes(), signature));
            assert!(!key().verify(PATH, "1767225600001", body.as_bytes(), signature));
            assert!(!key().verify("/0/private/CancelAll", NONCE, body.as_bytes(), signature));
            assert!(!key().verify(PATH, NONCE, &body.as_bytes()[1..], signature));
        }
    }

    /// The guide's own example.
    #[test]
    fn the_venues_example() {
        let secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";
        let body =
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25";
        let signature =
            SigningKey::new(secret).unwrap().sign(PATH, "1616492376594", body.as_bytes());
        assert_eq!(
            signature,
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
        );
    }

    #[test]
    fn what_is_no_key_says_so_without_printing_it() {
        assert_eq!(SigningKey::new(" ").unwrap_err(), KeyError::Empty);
        let error = SigningKey::new("hush!").unwrap_err();
        assert!(error.to_string().contains("base64") && !error.to_string().contains("hush"));
        assert_eq!(format!("{:?}", key()), "SigningKey(…)");
    }
}
