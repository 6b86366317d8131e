//! Worked vectors (made-up keys, checked with PyJWT on 2026-08-08), and both sides of every check.

use super::*;

const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8goAoGCCqGSM49\n\
    AwEHoUQDQgAEUVw9brnjlrkE0/7Kf1T9zQzB6Ze/N13KUVrQpsO0A19FNr46UPMY\n\
    +/mlR1kCoiFQK+8NV+CMU7LMClbxfZ+TVA==\n\
    -----END EC PRIVATE KEY-----\n";
const ED25519_64: &str =
    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB5tVYuj+ZU+UB4sRLoqYunkB+FOuaVvtfg45ELrQSWZA==";
const ED25519_32: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const ED25519_PKCS8: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n\
    -----END PRIVATE KEY-----\n";
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=\n\
    -----END PUBLIC KEY-----\n";

const NAME: &str = "organizations/0b5e7c1a-1111-4222-8333-944455566677/apiKeys/\
    9d3f2b10-aaaa-4bbb-8ccc-0ddd0eee0fff";
const REST_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9yZ2FuaXphdGlvbnMvMGI1ZTdjMWEtMTExMS00MjIyLTgzMzMtOTQ0NDU1NTY2Njc3L2FwaUtleXMvOWQzZjJiMTAtYWFhYS00YmJiLThjY2MtMGRkZDBlZWUwZmZmIiwibm9uY2UiOiIwMDAxMDIwMzA0MDUwNjA3MDgwOTBhMGIwYzBkMGUwZjEwMTExMjEzMTQxNTE2MTcxODE5MWExYjFjMWQxZTFmIiwidHlwIjoiSldUIn0.eyJzdWIiOiJvcmdhbml6YXRpb25zLzBiNWU3YzFhLTExMTEtNDIyMi04MzMzLTk0NDQ1NTU2NjY3Ny9hcGlLZXlzLzlkM2YyYjEwLWFhYWEtNGJiYi04Y2NjLTBkZGQwZWVlMGZmZiIsImlzcyI6ImNkcCIsIm5iZiI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI1NzIwLCJ1cmkiOiJQT1NUIGFwaS5jb2luYmFzZS5jb20vYXBpL3YzL2Jyb2tlcmFnZS9vcmRlcnMifQ.1D0aMswFGOrhcYveXVOpKuvq_6MqhQRI7D_ewILP_4gyh-Mha3UHOc7aXzHGh4YZdHUSfNQ_K5miIx-gSVbDsA";
const WS_SIGNATURE: &str =
    "0NjmLYmKKhm4LQPhivaFGTjL5xZlQNj2OY8NhNkrzr7N09_Wah-4mPiCXlGD0swMraODOMG6KwcSXryJxELQgQ";
const EDDSA_SIGNATURE: &str =
    "uKIFhFD_UX8phPjP7azXzyd6RK8I--k5tuuAoptd8WplFaGQxBZEJlRQH46UaS5qRmCnTlGxlbT3kq-J5N6dAQ";

const ORDERS: Target<'static> =
    Target { method: "POST", host: REST_HOST, path: "/api/v3/brokerage/orders" };

fn nonce() -> Nonce {
    Nonce(std::array::from_fn(|at| at as u8))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_767_225_600 + seconds) * 1_000).unwrap()
}

fn key(secret: &str) -> SigningKey {
    SigningKey::new(secret).unwrap()
}

#[test]
fn es256_vectors() {
    let key = key(SEC1);
    assert_eq!(key.token(NAME, Some(&ORDERS), at(0), nonce()), REST_TOKEN);
    let ws = key.token(NAME, None, at(0), nonce());
    assert_eq!(ws.rsplit('.').next(), Some(WS_SIGNATURE));
    for token in [REST_TOKEN, &ws] {
        let target = (token == REST_TOKEN).then_some(&ORDERS);
        let read = Token::read(token).unwrap();
        assert_eq!(read.key_name, NAME);
        assert_eq!(read.check(&key.verifying_key(), target, at(0)), Ok(()));
    }
}

#[test]
fn eddsa_vectors_from_every_form_of_the_key() {
    for secret in [ED25519_64, ED25519_32, ED25519_PKCS8] {
        let token = key(secret).token(NAME, Some(&ORDERS), at(0), nonce());
        assert_eq!(token.rsplit('.').next(), Some(EDDSA_SIGNATURE));
        for check in [secret, ED25519_PUBLIC] {
            let check = VerifyingKey::new(check).unwrap();
            assert_eq!(Token::read(&token).unwrap().check(&check, Some(&ORDERS), at(1)), Ok(()));
        }
    }
}

#[test]
fn a_pem_with_escaped_line_ends_and_pkcs8_are_the_same_key() {
    use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
    let escaped = SEC1.replace('\n', "\\n");
    let secret = p256::SecretKey::from_sec1_pem(SEC1).unwrap();
    let pkcs8 = secret.to_pkcs8_pem(LineEnding::LF).unwrap();
    let public = secret.public_key().to_public_key_pem(LineEnding::LF).unwrap();
    let original = key(SEC1).verifying_key();
    for text in [escaped.as_str(), pkcs8.as_str()] {
        assert_eq!(key(text).verifying_key(), original);
    }
    assert_eq!(VerifyingKey::new(&public), Ok(original));
}

#[test]
fn keys_do_not_print_and_bad_ones_say_why() {
    assert_eq!(format!("{:?}", key(SEC1)), "SigningKey(…)");
    let other_half = STANDARD.encode([1u8; 64]);
    let long = STANDARD.encode([1u8; 65]);
    for (secret, error) in [
        ("", KeyError::Empty),
        (" \n", KeyError::Empty),
        ("not base64!", KeyError::Raw),
        ("AAAA", KeyError::Raw),
        (&long, KeyError::Raw),
        (&other_half, KeyError::Halves),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", KeyError::Pem),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", KeyError::Pem),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", KeyError::Pem),
    ] {
        assert_eq!(VerifyingKey::new(secret), Err(error), "{secret}");
    }
}

#[test]
fn both_ends_of_the_time_a_token_is_good_for() {
    let check = key(SEC1).verifying_key();
    let token = Token::read(REST_TOKEN).unwrap();
    for (seconds, result) in
        [(-1, Err(TokenError::Time)), (0, Ok(())), (120, Ok(())), (121, Err(TokenError::Time))]
    {
        assert_eq!(token.check(&check, Some(&ORDERS), at(seconds)), result, "{seconds}");
    }
}

/// A token with any claims, signed right.
fn with_claims(header: &str, claims: &str) -> String {
    let payload = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key(SEC1).sign(payload.as_bytes()));
    format!("{payload}.{signature}")
}

fn checked(token: &str, target: Option<&Target<'_>>) -> Result<(), TokenError> {
    Token::read(token)?.check(&key(SEC1).verifying_key(), target, at(0))
}

#[test]
fn what_is_checked_besides_the_signature() {
    let header = |alg: &str| format!(r#"{{"alg":"{alg}","kid":"k","typ":"JWT"}}"#);
    let claims = |sub: &str, nbf: i64, exp: i64| {
        let (nbf, exp) = (1_767_225_600 + nbf, 1_767_225_600 + exp);
        format!(r#"{{"sub":"{sub}","nbf":{nbf},"exp":{exp},"aud":["x"],"iat":1}}"#)
    };
    let es256 = header("ES256");
    for (header, claims, result) in [
        (&es256, claims("k", 0, 120), Ok(())),
        (&es256, claims("k", -1, 120), Err(TokenError::Validity)),
        (&es256, claims("k", 0, -1), Err(TokenError::Validity)),
        (&es256, claims("other", 0, 120), Err(TokenError::Names)),
        (&header("EdDSA"), claims("k", 0, 120), Err(TokenError::Algorithm)),
        (&header("none"), claims("k", 0, 120), Err(TokenError::Algorithm)),
    ] {
        assert_eq!(checked(&with_claims(header, &claims), None), result, "{header} {claims}");
    }
    let other = key(ED25519_32).token(NAME, None, at(0), nonce());
    assert_eq!(checked(&other, None), Err(TokenError::Algorithm));
}

#[test]
fn the_three_spellings_of_the_uri_claim() {
    let local =
        Target { method: "GET", host: "127.0.0.1:8080", path: "/api/v3/brokerage/accounts" };
    let token = |claim: &str| {
        with_claims(
            r#"{"alg":"ES256","kid":"k"}"#,
            &format!(r#"{{"sub":"k","nbf":1767225600,"exp":1767225720,{claim}}}"#),
        )
    };
    for (claim, result) in [
        (r#""uri":"GET 127.0.0.1:8080/api/v3/brokerage/accounts""#, Ok(())),
        (r#""uri":"GET http://127.0.0.1:8080/api/v3/brokerage/accounts""#, Ok(())),
        (r#""uri":"GET api.coinbase.com/api/v3/brokerage/accounts""#, Ok(())),
        (r#""uris":["GET api.coinbase.com/api/v3/brokerage/accounts"]"#, Ok(())),
        (r#""uri":"POST 127.0.0.1:8080/api/v3/brokerage/accounts""#, Err(TokenError::Target)),
        (r#""uri":"GET 127.0.0.1:8080/api/v3/brokerage/orders""#, Err(TokenError::Target)),
        (r#""uri":"GET 127.0.0.1/api/v3/brokerage/accounts""#, Err(TokenError::Target)),
        (r#""uri":"GET evil.example/api/v3/brokerage/accounts""#, Err(TokenError::Target)),
        (r#""uri":"GET""#, Err(TokenError::Target)),
        (r#""iss":"cdp""#, Err(TokenError::Target)),
    ] {
        assert_eq!(checked(&token(claim), Some(&local)), result, "{claim}");
    }
}

#[test]
fn a_token_with_one_changed_byte_is_not_believed() {
    let check = key(SEC1).verifying_key();
    for index in 0..REST_TOKEN.len() {
        let mut bytes = REST_TOKEN.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(bytes).unwrap();
        let believed = Token::read(&text).and_then(|t| t.check(&check, Some(&ORDERS), at(0)));
        assert!(believed.is_err(), "byte {index}");
    }
    for text in ["", ".", "..", "a.b.c", &"x".repeat(TOKEN_LEN_MAX + 1)] {
        assert_eq!(Token::read(text).err(), Some(TokenError::Malformed));
    }
}
