//! Coinbase's tokens, both ways: a JSON Web Token for every request, signed with ES256 (ECDSA on
//! P-256) or EdDSA (Ed25519).
//!
//! The token names the key, the time and, for REST, the method and path; query and body are not
//! signed. It is good for two minutes from its `nbf` on. Signatures of both kinds are deterministic
//! here (RFC 6979 and by definition), so the same request at the same time has the same token; the
//! nonce, which makes tokens differ, is an argument, because chance is not drawn in this crate.
//!
//! Source: coinbase-advanced-py 1.8.4 `jwt_generator.py` and `constants.py`, and the page "API key
//! authentication", read 2026-08-08. The sources disagree on whether Ed25519 keys are taken
//! everywhere; ES256 is the safe choice.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{Signer as _, Verifier as _};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{REST_HOST, TOKEN_VALIDITY_S};

/// A token longer than this is not read: real ones have about 700 characters.
const TOKEN_LEN_MAX: usize = 8_192;

/// Thirty-two bytes that make a token differ from every other one. They need not be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 32]);

impl Nonce {
    /// One of several that are needed at once, made from one that is never the same twice.
    pub fn numbered(nonce: u128, index: u8) -> Nonce {
        let mut bytes = [index; 32];
        bytes[..16].copy_from_slice(&nonce.to_be_bytes());
        Nonce(bytes)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key that can sign. Never prints itself.
#[derive(Clone)]
pub enum SigningKey {
    /// ECDSA on P-256.
    Es256(Box<p256::ecdsa::SigningKey>),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// A key that can check signatures.
#[derive(Clone, PartialEq, Eq)]
pub enum VerifyingKey {
    /// ECDSA on P-256.
    Es256(p256::ecdsa::VerifyingKey),
    /// Ed25519.
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// A text that is no key. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An empty secret signs nothing.
    #[error("the secret is empty")]
    Empty,
    /// A PEM text with something else in it.
    #[error("the PEM text holds no P-256 key (SEC1 or PKCS#8) and no Ed25519 key (PKCS#8)")]
    Pem,
    /// Neither a PEM text nor base64 of 32 or 64 bytes.
    #[error("the secret is neither a PEM text nor base64 of 32 or 64 bytes")]
    Raw,
    /// The second half of a 64-byte secret is the public key, and it belongs to another secret.
    #[error("the public half of the secret does not belong to its private half")]
    Halves,
}

impl SigningKey {
    /// From the portal's secret: a PEM text, perhaps with `\n` written as two characters, or the
    /// base64 of an Ed25519 seed of 32 bytes, perhaps with the public key behind it.
    pub fn new(secret: &str) -> Result<SigningKey, KeyError> {
        let secret = unescaped(secret)?;
        if secret.contains("-----BEGIN") {
            return private_pem(&secret);
        }
        let bytes = STANDARD.decode(secret.as_bytes()).map_err(|_| KeyError::Raw)?;
        let (seed, public) = bytes.split_at_checked(32).ok_or(KeyError::Raw)?;
        let seed: &[u8; 32] = seed.try_into().map_err(|_| KeyError::Raw)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        match public.len() {
            0 => {}
            32 if public == key.verifying_key().as_bytes() => {}
            32 => return Err(KeyError::Halves),
            _ => return Err(KeyError::Raw),
        }
        Ok(SigningKey::Ed25519(Box::new(key)))
    }

    /// What checks this key's signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        match self {
            SigningKey::Es256(key) => VerifyingKey::Es256(*key.verifying_key()),
            SigningKey::Ed25519(key) => VerifyingKey::Ed25519(key.verifying_key()),
        }
    }

    /// `ES256` or `EdDSA`.
    pub const fn algorithm(&self) -> &'static str {
        match self {
            SigningKey::Es256(_) => "ES256",
            SigningKey::Ed25519(_) => "EdDSA",
        }
    }

    /// The token for one REST request or, without a target, for one message on a WebSocket. `name`
    /// is the key's; `now` is the venue's time as well as we know it.
    pub fn token(
        &self,
        name: &str,
        target: Option<&Target<'_>>,
        now: Timestamp,
        nonce: Nonce,
    ) -> String {
        let nonce = nonce.to_string();
        let header = Header { alg: self.algorithm(), kid: name, nonce: &nonce, typ: "JWT" };
        let nbf = now.millis().div_euclid(1_000);
        let uri = target.map(Target::to_string);
        let claims =
            Claims { sub: name, iss: "cdp", nbf, exp: nbf + TOKEN_VALIDITY_S, uri: uri.as_deref() };
        let mut token = String::with_capacity(768);
        encode_part(&header, &mut token);
        token.push('.');
        encode_part(&claims, &mut token);
        let signature = self.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    fn sign(&self, payload: &[u8]) -> [u8; 64] {
        match self {
            SigningKey::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(payload);
                signature.to_bytes().into()
            }
            SigningKey::Ed25519(key) => key.sign(payload).to_bytes(),
        }
    }
}

impl VerifyingKey {
    /// From a PEM text, private or public, or from an Ed25519 secret in base64.
    pub fn new(secret: &str) -> Result<VerifyingKey, KeyError> {
        let text = unescaped(secret)?;
        if !text.contains("PUBLIC KEY") {
            return SigningKey::new(&text).map(|key| key.verifying_key());
        }
        if let Ok(key) = p256::PublicKey::from_public_key_pem(&text) {
            return Ok(VerifyingKey::Es256(key.into()));
        }
        ed25519_dalek::VerifyingKey::from_public_key_pem(&text)
            .map(VerifyingKey::Ed25519)
            .map_err(|_| KeyError::Pem)
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            VerifyingKey::Es256(_) => "ES256",
            VerifyingKey::Ed25519(_) => "EdDSA",
        }
    }

    fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        match self {
            VerifyingKey::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(payload, &signature).is_ok()),
            VerifyingKey::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(payload, &signature).is_ok()),
        }
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

/// What a REST token is for: printed, it is the `uri` claim. No scheme and no query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Host, with the port where it is not the usual one.
    pub host: &'a str,
    /// Path from its first slash on, without the query.
    pub path: &'a str,
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.host, self.path)
    }
}

impl Target<'_> {
    /// Does a claim name this request? By the host that was asked, as the official client writes it;
    /// by the same with `http://` before it, as CCXT does when it is pointed elsewhere; or by the
    /// venue's own host, which every helper function of the official client writes.
    fn is_named_by(&self, claim: &str) -> bool {
        let Some((method, place)) = claim.split_once(' ') else { return false };
        let place = place.strip_prefix("http://").unwrap_or(place);
        let hosts = [self.host, REST_HOST];
        method == self.method
            && hosts.iter().any(|host| place.strip_prefix(host) == Some(self.path))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    nonce: &'a str,
    typ: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iss: &'a str,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
}

/// A token as it came, not yet believed: what it says of itself, to find the key to check it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Name of the key that it says it is signed with.
    pub key_name: String,
    algorithm: String,
    claims: ReadClaims,
    payload: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct ReadHeader {
    alg: String,
    kid: String,
}

/// Clients differ in what else they claim; what is not checked is not read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct ReadClaims {
    sub: String,
    nbf: i64,
    exp: i64,
    #[serde(default)]
    uri: Option<String>,
    /// CCXT's spelling for Ed25519 keys.
    #[serde(default)]
    uris: Vec<String>,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64 with JSON objects in the first two.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with another algorithm than the key is for.
    #[error("the algorithm is not that of the key")]
    Algorithm,
    /// Header and claims name different keys.
    #[error("kid and sub differ")]
    Names,
    /// Not signed by this key.
    #[error("the signature is not that of the key")]
    Signature,
    /// Before its `nbf` or after its `exp`.
    #[error("the token is not valid at this time")]
    Time,
    /// Good for longer than allowed, or for no time at all.
    #[error("the token is valid for too long")]
    Validity,
    /// Made for another request, or for none.
    #[error("the uri claim names another request")]
    Target,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Nothing in it is believed yet.
    pub fn read(token: &'a str) -> Result<Token<'a>, TokenError> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(TokenError::Malformed);
        }
        let (payload, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = payload.split_once('.').ok_or(TokenError::Malformed)?;
        let header: ReadHeader = decode_part(header)?;
        Ok(Token {
            key_name: header.kid,
            algorithm: header.alg,
            claims: decode_part(claims)?,
            payload,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?,
        })
    }

    /// Is it signed by this key, valid now and made for this request? A message on a WebSocket has
    /// no target; a token made for a REST request is not refused there.
    pub fn check(
        &self,
        key: &VerifyingKey,
        target: Option<&Target<'_>>,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let ReadClaims { sub, nbf, exp, uri, uris } = &self.claims;
        if self.algorithm != key.algorithm() {
            return Err(TokenError::Algorithm);
        }
        if *sub != self.key_name {
            return Err(TokenError::Names);
        }
        if !key.verify(self.payload.as_bytes(), &self.signature) {
            return Err(TokenError::Signature);
        }
        if !(0..=TOKEN_VALIDITY_S).contains(&exp.saturating_sub(*nbf)) {
            return Err(TokenError::Validity);
        }
        let now = now.millis().div_euclid(1_000);
        if !(*nbf..=*exp).contains(&now) {
            return Err(TokenError::Time);
        }
        match target {
            Some(target) if !uri.iter().chain(uris).any(|claim| target.is_named_by(claim)) => {
                Err(TokenError::Target)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Files from the portal hold the PEM with `\n` as two characters.
fn unescaped(secret: &str) -> Result<String, KeyError> {
    let text = secret.trim().replace("\\n", "\n");
    if text.is_empty() { Err(KeyError::Empty) } else { Ok(text) }
}

fn private_pem(pem: &str) -> Result<SigningKey, KeyError> {
    let p256 = if pem.contains("EC PRIVATE KEY") {
        p256::SecretKey::from_sec1_pem(pem).ok()
    } else {
        p256::SecretKey::from_pkcs8_pem(pem).ok()
    };
    if let Some(secret) = p256 {
        return Ok(SigningKey::Es256(Box::new(secret.into())));
    }
    ed25519_dalek::SigningKey::from_pkcs8_pem(pem)
        .map(|key| SigningKey::Ed25519(Box::new(key)))
        .map_err(|_| KeyError::Pem)
}

fn encode_part(part: &impl Serialize, out: &mut String) {
    // Texts and numbers always serialize.
    let json = serde_json::to_vec(part).unwrap_or_default();
    URL_SAFE_NO_PAD.encode_string(json, out);
}

fn decode_part<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
