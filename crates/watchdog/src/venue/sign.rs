//! Signatures: Binance's query strings, Coinbase's tokens, Kraken's bodies, and the heartbeat's.
//!
//! Written for the kill switch alone and tested on the protocols' published vectors. Source: Binance
//! rest-api.md "SIGNED endpoint security"; coinbase-advanced-py 1.8.4 `jwt_generator.py`; read 2026-08-08.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256, Sha512};

/// What a query may carry as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A Coinbase token is good for so long, seconds.
const TOKEN_VALID_S: i64 = 120;
/// The host that Coinbase's tokens name, wherever the requests go.
pub(crate) const COINBASE_HOST: &str = "api.coinbase.com";

/// Percent-encodes what a query may not carry.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// HMAC-SHA256.
pub(crate) fn hmac(key: &[u8], payload: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(payload);
    mac.finalize().into_bytes().into()
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which key this is, for who has the same token: the gateway makes the same of its own key, with code of its own, and
/// sees that the two are not one. It tells nothing of the key.
pub(crate) fn key_fingerprint(token: &str, key: &str) -> String {
    hex(&hmac(token.as_bytes(), format!("plimsoll key: {key}").as_bytes()))
}

/// A text that is no key. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An empty secret signs nothing.
    #[error("the secret is empty")]
    Empty,
    /// Not a key of this exchange.
    #[error("the secret is no key that this exchange takes: {0}")]
    Form(&'static str),
}

/// A key of Binance. Never prints itself.
#[derive(Clone)]
pub(crate) enum BinanceKey {
    Hmac(Vec<u8>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl BinanceKey {
    /// An HMAC secret, or an Ed25519 key in PEM (PKCS#8).
    pub(crate) fn new(secret: &str) -> Result<BinanceKey, KeyError> {
        if secret.trim().is_empty() {
            return Err(KeyError::Empty);
        }
        if !secret.contains("-----BEGIN") {
            return Ok(BinanceKey::Hmac(secret.as_bytes().to_vec()));
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(secret.trim())
            .map(|key| BinanceKey::Ed25519(Box::new(key)))
            .map_err(|_| KeyError::Form("an HMAC secret, or Ed25519 in PEM (PKCS#8)"))
    }

    /// The query with its signature behind it.
    pub(crate) fn signed(&self, query: &str) -> String {
        let signature = match self {
            BinanceKey::Hmac(key) => hex(&hmac(key, query.as_bytes())),
            BinanceKey::Ed25519(key) => {
                encoded(&STANDARD.encode(key.sign(query.as_bytes()).to_bytes()))
            }
        };
        format!("{query}&signature={signature}")
    }
}

impl fmt::Debug for BinanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BinanceKey(…)")
    }
}

/// A key of Kraken. Never prints itself.
#[derive(Clone)]
pub(crate) struct KrakenKey(Vec<u8>);

impl KrakenKey {
    /// Base64, as the portal shows it.
    pub(crate) fn new(secret: &str) -> Result<KrakenKey, KeyError> {
        if secret.trim().is_empty() {
            return Err(KeyError::Empty);
        }
        let form = KeyError::Form("base64");
        STANDARD.decode(secret.trim()).map(KrakenKey).map_err(|_| form)
    }

    /// The value of `api-sign`: the path, and a hash of nonce and body.
    pub(crate) fn sign(&self, path: &str, nonce: &str, body: &str) -> String {
        let inner = Sha256::digest(format!("{nonce}{body}"));
        let mut mac =
            Hmac::<Sha512>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(path.as_bytes());
        mac.update(&inner);
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for KrakenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KrakenKey(…)")
    }
}

/// A key of Coinbase. Never prints itself.
#[derive(Clone)]
pub(crate) enum CoinbaseKey {
    Es256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl CoinbaseKey {
    /// P-256 in PEM (SEC1 or PKCS#8), Ed25519 in PEM (PKCS#8), or an Ed25519 seed in base64, perhaps with
    /// its public key behind it. Line ends may be written as two characters.
    pub(crate) fn new(secret: &str) -> Result<CoinbaseKey, KeyError> {
        let text = secret.trim().replace("\\n", "\n");
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        let form = KeyError::Form("P-256 or Ed25519 in PEM, or an Ed25519 seed in base64");
        if !text.contains("-----BEGIN") {
            let bytes = STANDARD.decode(text).map_err(|_| form)?;
            let seed = bytes.get(..32).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
            let seed = seed.filter(|_| matches!(bytes.len(), 32 | 64)).ok_or(form)?;
            let key = ed25519_dalek::SigningKey::from_bytes(seed);
            return Ok(CoinbaseKey::Ed25519(Box::new(key)));
        }
        let sec1 = p256::SecretKey::from_sec1_pem(&text).ok();
        let pkcs8 =
            || <p256::SecretKey as p256::pkcs8::DecodePrivateKey>::from_pkcs8_pem(&text).ok();
        if let Some(key) = sec1.or_else(pkcs8) {
            return Ok(CoinbaseKey::Es256(Box::new(p256::ecdsa::SigningKey::from(key))));
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(&text)
            .map(|key| CoinbaseKey::Ed25519(Box::new(key)))
            .map_err(|_| form)
    }

    /// The token for one request: `uri` is method, host and path without the query.
    pub(crate) fn token(&self, name: &str, uri: &str, now_s: i64, nonce: &str) -> String {
        let alg = match self {
            CoinbaseKey::Es256(_) => "ES256",
            CoinbaseKey::Ed25519(_) => "EdDSA",
        };
        // Texts go through the JSON writer for their escapes; the order of the keys is the vectors'.
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let header = format!(
            r#"{{"alg":"{alg}","kid":{},"nonce":{},"typ":"JWT"}}"#,
            text(name),
            text(nonce)
        );
        let claims = format!(
            r#"{{"sub":{},"iss":"cdp","nbf":{now_s},"exp":{},"uri":{}}}"#,
            text(name),
            now_s + TOKEN_VALID_S,
            text(uri)
        );
        let mut token =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature: [u8; 64] = match self {
            CoinbaseKey::Es256(key) => {
                let signature: p256::ecdsa::Signature =
                    p256::ecdsa::signature::Signer::sign(&**key, token.as_bytes());
                signature.to_bytes().into()
            }
            CoinbaseKey::Ed25519(key) => key.sign(token.as_bytes()).to_bytes(),
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

impl fmt::Debug for CoinbaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoinbaseKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    const V1: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00200000&\
                      price=61234.50&newClientOrderId=agent-7-000001&recvWindow=5000&\
                      timestamp=1767225600000";
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
                           MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n\
                           -----END PRIVATE KEY-----\n";
    const P256: &str = "-----BEGIN EC PRIVATE KEY-----\n\
                        MHcCAQEEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8goAoGCCqGSM49\n\
                        AwEHoUQDQgAEUVw9brnjlrkE0/7Kf1T9zQzB6Ze/N13KUVrQpsO0A19FNr46UPMY\n\
                        +/mlR1kCoiFQK+8NV+CMU7LMClbxfZ+TVA==\n\
                        -----END EC PRIVATE KEY-----\n";
    const NAME: &str = "organizations/0b5e7c1a-1111-4222-8333-944455566677/apiKeys/\
                        9d3f2b10-aaaa-4bbb-8ccc-0ddd0eee0fff";
    const NONCE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const URI: &str = "POST api.coinbase.com/api/v3/brokerage/orders";

    #[test]
    fn krakens_vectors() {
        let bytes: Vec<u8> = (0..64).collect();
        let key = KrakenKey::new(&STANDARD.encode(bytes)).unwrap();
        let (path, nonce) = ("/0/private/AddOrder", "1767225600000");
        for (body, expected) in [
            (
                "nonce=1767225600000&ordertype=limit&pair=XBTUSD&price=61234.5&type=buy&volume=0.002\
                 &cl_ord_id=agent-7-000001",
                "Q91IFmqEt0gLLoFuReTN8tnum8zXVwNBuXZ4r6gXfk73tHCLWR06JyEDifLC6kXGHGur0w03SuqWzjHrJOV38Q==",
            ),
            (
                "{\"nonce\":\"1767225600000\",\"ordertype\":\"limit\",\"pair\":\"XBTUSD\",\
                 \"type\":\"buy\",\"volume\":\"0.002\",\"price\":\"61234.5\"}",
                "R4HQBEF/dkml0gJvgUze2IQ1+x+tIXr5u74eozGf2gWQB05epMqFYk9mFAxw/8L/ietZ9nq223qUE262QYQsVg==",
            ),
        ] {
            assert_eq!(key.sign(path, nonce, body), expected);
        }
        assert!(KrakenKey::new("hush!").is_err() && format!("{key:?}") == "KrakenKey(…)");
    }

    #[test]
    fn binances_vectors() {
        let hmac = BinanceKey::new(SECRET).unwrap();
        let expected = "2af5ef0967e472bf3fec34b3aad4913f747b4919fc9624c6f96854653f4d3160";
        assert_eq!(hmac.signed(V1), format!("{V1}&signature={expected}"));
        let ed25519 = BinanceKey::new(ED25519).unwrap();
        let expected = "La6%2BrCU51KW0%2FivYecqvudL6lrgaL4zWzh6JBvWXFoerxRaZGyv5X77ba%2F%2BVNnwMz3x\
                        CpQl%2BE7y8HDpVSMz%2FCg%3D%3D";
        assert_eq!(ed25519.signed(V1), format!("{V1}&signature={expected}"));
        assert_eq!(encoded("测试USDT"), "%E6%B5%8B%E8%AF%95USDT");
    }

    #[test]
    fn coinbases_vectors() {
        let token =
            |secret: &str| CoinbaseKey::new(secret).unwrap().token(NAME, URI, 1_767_225_600, NONCE);
        let es256 = token(P256);
        assert!(es256.starts_with(
            "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9yZ2FuaXphdGlvbnMvMGI1ZTdjMWEtMTExMS00MjIyLTgzMzMt"
        ));
        let signature = "1D0aMswFGOrhcYveXVOpKuvq_6MqhQRI7D_ewILP_4gyh-Mha3UHOc7aXzHGh4YZdHUSfNQ_K5mi\
                         Ix-gSVbDsA";
        assert!(es256.ends_with(&format!(".{signature}")), "{es256}");
        let signature = "uKIFhFD_UX8phPjP7azXzyd6RK8I--k5tuuAoptd8WplFaGQxBZEJlRQH46UaS5qRmCnTlGxlbT3\
                         kq-J5N6dAQ";
        let seed = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB5tVYuj+ZU+UB4sRLoqYunkB+FOuaVvtfg45EL\
                    rQSWZA==";
        for secret in [seed, ED25519, &ED25519.replace('\n', "\\n")] {
            assert!(token(secret).ends_with(&format!(".{signature}")), "{secret}");
        }
    }

    #[test]
    fn what_is_no_key_is_not_repeated() {
        let hush = "hush hush";
        for error in [
            BinanceKey::new(" ").unwrap_err().to_string(),
            BinanceKey::new("-----BEGIN hush").unwrap_err().to_string(),
            CoinbaseKey::new("").unwrap_err().to_string(),
            CoinbaseKey::new(hush).unwrap_err().to_string(),
            CoinbaseKey::new("aHVzaA==").unwrap_err().to_string(),
            CoinbaseKey::new("-----BEGIN hush").unwrap_err().to_string(),
        ] {
            assert!(error.contains("secret") && !error.contains("hush"), "{error}");
        }
        assert!(!format!("{:?}", BinanceKey::new(SECRET).unwrap()).contains("madeUp"));
    }

    /// The gateway makes the same one, with code of its own: the figure is in both tests.
    #[test]
    fn the_fingerprint_is_the_one_of_the_page() {
        let made = key_fingerprint("madeUpTokenForTests", "madeUpKeyForTests");
        assert_eq!(made, "70b69d7eb53209d61e034c755361e04e9010bb75c224a68eaf0478537ab1edb1");
    }
}
