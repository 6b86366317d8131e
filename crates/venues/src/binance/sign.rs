//! Binance's signatures, both ways: HMAC-SHA256 in hex and Ed25519 in base64.
//!
//! Source: Binance Spot API docs, rest-api.md "SIGNED endpoint security" and faqs/api_key_types.md,
//! read 2026-07-21. RSA keys are left out: Binance recommends Ed25519 for new keys and serves HMAC
//! for old ones, and a third algorithm is a third way to be wrong.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer, Verifier};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

/// What a URL may carry as it is; everything else is percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Appends `text` with everything percent-encoded that a query may not carry.
pub fn percent_encode(text: &str, out: &mut String) {
    out.extend(utf8_percent_encode(text, UNRESERVED));
}

/// A key that can sign. Never prints itself.
#[derive(Clone)]
pub enum SigningKey {
    /// HMAC-SHA256 with a prepared key.
    Hmac(Hmac<Sha256>),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// A key that can check signatures. Never prints itself: for HMAC it can sign, too.
#[derive(Clone)]
pub enum VerifyingKey {
    /// HMAC-SHA256 with a prepared key.
    Hmac(Hmac<Sha256>),
    /// Ed25519.
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// A text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An empty secret signs nothing.
    #[error("the secret is empty")]
    Empty,
    /// It looks like a PEM file and is not an Ed25519 key in PKCS#8.
    #[error("the PEM text holds no Ed25519 key (PKCS#8 private key, or public key): {0}")]
    Pem(String),
}

impl SigningKey {
    /// From an HMAC secret, or from the text of an Ed25519 private key in PEM.
    pub fn new(secret: &str) -> Result<SigningKey, KeyError> {
        if !secret.contains("-----BEGIN") {
            return hmac_key(secret).map(SigningKey::Hmac);
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(secret.trim())
            .map(|key| SigningKey::Ed25519(Box::new(key)))
            .map_err(|error| KeyError::Pem(error.to_string()))
    }

    /// Appends the signature of `payload` as a query carries it.
    pub fn sign_into(&self, payload: &[u8], out: &mut String) {
        match self {
            SigningKey::Hmac(key) => {
                let mut mac = key.clone();
                mac.update(payload);
                push_hex(&mac.finalize().into_bytes(), out);
            }
            SigningKey::Ed25519(key) => {
                percent_encode(&STANDARD.encode(key.sign(payload).to_bytes()), out);
            }
        }
    }

    /// The signature of `payload` as JSON carries it: not percent-encoded.
    pub fn sign(&self, payload: &[u8]) -> String {
        let mut out = String::with_capacity(96);
        match self {
            SigningKey::Hmac(_) => self.sign_into(payload, &mut out),
            SigningKey::Ed25519(key) => {
                STANDARD.encode_string(key.sign(payload).to_bytes(), &mut out)
            }
        }
        out
    }

    /// Can it open a session with `session.logon`? Binance takes only Ed25519 there.
    pub fn can_log_on(&self) -> bool {
        matches!(self, SigningKey::Ed25519(_))
    }
}

impl VerifyingKey {
    /// From an HMAC secret, or from the text of an Ed25519 key in PEM, private or public.
    pub fn new(secret: &str) -> Result<VerifyingKey, KeyError> {
        if !secret.contains("-----BEGIN") {
            return hmac_key(secret).map(VerifyingKey::Hmac);
        }
        let pem = secret.trim();
        if pem.contains("PUBLIC KEY") {
            return ed25519_dalek::VerifyingKey::from_public_key_pem(pem)
                .map(VerifyingKey::Ed25519)
                .map_err(|error| KeyError::Pem(error.to_string()));
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem)
            .map(|key| VerifyingKey::Ed25519(key.verifying_key()))
            .map_err(|error| KeyError::Pem(error.to_string()))
    }

    /// Is this the signature of `payload`? Hex in either case for HMAC, base64 for Ed25519; the
    /// comparison takes the same time wherever they differ.
    pub fn verify(&self, payload: &[u8], signature: &str) -> bool {
        match self {
            VerifyingKey::Hmac(key) => {
                let Some(bytes) = hex(signature) else { return false };
                let mut mac = key.clone();
                mac.update(payload);
                mac.verify_slice(&bytes).is_ok()
            }
            VerifyingKey::Ed25519(key) => STANDARD
                .decode(signature)
                .ok()
                .and_then(|bytes| Signature::from_slice(&bytes).ok())
                .is_some_and(|signature| key.verify(payload, &signature).is_ok()),
        }
    }

    /// Does this key open a session with `session.logon`?
    pub fn can_log_on(&self) -> bool {
        matches!(self, VerifyingKey::Ed25519(_))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey(…)")
    }
}

fn hmac_key(secret: &str) -> Result<Hmac<Sha256>, KeyError> {
    if secret.is_empty() {
        return Err(KeyError::Empty);
    }
    // HMAC takes keys of every length, so the only error does not arise.
    Hmac::new_from_slice(secret.as_bytes()).map_err(|_| KeyError::Empty)
}

fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16);
    text.chunks_exact(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=\n\
        -----END PUBLIC KEY-----\n";

    const V1: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00200000\
        &price=61234.50&newClientOrderId=agent-7-000001&recvWindow=5000&timestamp=1767225600000";
    const V2: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTCquantity=0.00200000\
        &price=61234.50&newClientOrderId=agent-7-000001&recvWindow=5000&timestamp=1767225600000";
    const V3: &str =
        "symbol=%E6%B5%8B%E8%AF%95USDT&side=SELL&type=MARKET&quantity=1&timestamp=1767225600000";
    const V4: &str = "apiKey=madeUpApiKeyForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH\
        &newClientOrderId=agent-7-000001&price=61234.50&quantity=0.00200000&recvWindow=5000\
        &side=BUY&symbol=BTCUSDT&timeInForce=GTC&timestamp=1767225600000&type=LIMIT";
    const V5: &str = "apiKey=madeUpApiKeyForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH\
        &timestamp=1767225600000";

    #[test]
    fn hmac_vectors() {
        let vectors = [
            (V1, "2af5ef0967e472bf3fec34b3aad4913f747b4919fc9624c6f96854653f4d3160"),
            (V2, "3babbb0ab1a825aa9e987f0bd13df690ac7b0507c532fa0d592cf0515ef1b215"),
            (V3, "0085eb8ccfaa8578873f9418ea003ac99c660ed4651158a400e9c7fe6ba4825c"),
            (V4, "77a538c1efcb83056da31188366d9f5b3016223d18ff8a2b2ef454569cadc27d"),
            (V5, "a0aa181c51dad6191314c8a89951c2b83f25763fba772efbcfd4dd7bffbf9f8e"),
        ];
        let (key, check) = (SigningKey::new(SECRET).unwrap(), VerifyingKey::new(SECRET).unwrap());
        for (payload, signature) in vectors {
            assert_eq!(key.sign(payload.as_bytes()), signature);
            assert!(check.verify(payload.as_bytes(), signature));
            assert!(check.verify(payload.as_bytes(), &signature.to_uppercase()));
            assert!(!check.verify(&payload.as_bytes()[1..], signature));
            assert!(!check.verify(payload.as_bytes(), &signature[2..]));
        }
    }

    /// The sample printed in the exchange's own documentation.
    #[test]
    fn the_official_sample() {
        let key = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        let payload = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
            &recvWindow=5000&timestamp=1499827319559";
        assert_eq!(
            SigningKey::new(key).unwrap().sign(payload.as_bytes()),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
        );
    }

    #[test]
    fn ed25519_vectors() {
        let vectors = [
            (
                V1,
                "La6+rCU51KW0/ivYecqvudL6lrgaL4zWzh6JBvWXFoerxRaZGyv5X77ba/+VNnwMz3xCpQl+E7y8HDpVSMz/Cg==",
            ),
            (
                V4,
                "ZqsFJEZyQkHwyA61oYySzFTCPTWnw7T4P81AvX/kJzekxyY+szJ+2y+9X7Z1v8gbvh98aSNcyGMEIXFp1WCODw==",
            ),
            (
                V5,
                "sPQ9PltpI/DppX9Q/w7MZL8kDy4e4MQmcVDUHPlA5M5MYNoN8fZIOt7i2o9fGhc9isFTw//EzpqdGtAOuDf3Aw==",
            ),
        ];
        let key = SigningKey::new(PRIVATE).unwrap();
        for (payload, signature) in vectors {
            assert_eq!(key.sign(payload.as_bytes()), signature);
            for pem in [PRIVATE, PUBLIC] {
                let check = VerifyingKey::new(pem).unwrap();
                assert!(check.verify(payload.as_bytes(), signature));
                assert!(!check.verify(&payload.as_bytes()[1..], signature));
            }
        }
        let mut encoded = String::new();
        key.sign_into(V1.as_bytes(), &mut encoded);
        assert_eq!(
            encoded,
            "La6%2BrCU51KW0%2FivYecqvudL6lrgaL4zWzh6JBvWXFoerxRaZGyv5X77ba%2F%2BVNnwMz3xCpQl%2BE7y8HDpVSMz%2FCg%3D%3D"
        );
    }

    #[test]
    fn keys_do_not_print_and_bad_ones_say_why() {
        assert_eq!(format!("{:?}", SigningKey::new(SECRET).unwrap()), "SigningKey(…)");
        assert_eq!(SigningKey::new("").unwrap_err(), KeyError::Empty);
        let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        assert!(matches!(VerifyingKey::new(broken), Err(KeyError::Pem(_))));
    }
}
