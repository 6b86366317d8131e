//! What is sealed is opened, by its passphrase alone, and not when a byte of it was changed. What age made
//! is opened, too (`fixtures/`, see there).

use base64::Engine as _;

use super::*;

/// Little work, so that many can be tried.
const QUICK: u8 = 4;
const PASSPHRASE: &[u8] = b"correct horse battery staple";

fn random() -> Random {
    std::array::from_fn(|at| u8::try_from(at).unwrap() ^ 0x5a)
}

fn sealed(secret: &[u8]) -> String {
    seal(secret, PASSPHRASE, QUICK, &random()).unwrap()
}

#[test]
fn what_is_sealed_is_opened() {
    let long = vec![7; SECRET_MAX];
    for secret in [b"".as_slice(), b"x", b"madeUpSecret0123456789", &long] {
        let text = sealed(secret);
        assert_eq!(open(text.as_bytes(), PASSPHRASE).unwrap().as_slice(), secret);
        assert!(text.lines().all(|line| line.len() <= 64));
        let spaced = format!("\n{}\n", text.replace('\n', "\r\n"));
        assert_eq!(open(spaced.as_bytes(), PASSPHRASE).unwrap().as_slice(), secret);
        let bare = armor::taken_off(text.as_bytes()).unwrap();
        assert_eq!(open(&bare, PASSPHRASE).unwrap().as_slice(), secret, "without armor");
    }
    assert_eq!(seal(&vec![7; SECRET_MAX + 1], PASSPHRASE, QUICK, &random()), Err(SealError));
    assert_eq!(seal(b"x", PASSPHRASE, WORK_MAX + 1, &random()), Err(SealError));
}

#[test]
fn nothing_of_the_secret_stands_in_it() {
    let secret = b"madeUpSecret0123456789";
    let text = sealed(secret);
    let bare = armor::taken_off(text.as_bytes()).unwrap();
    assert!(!bare.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
    assert!(!bare.windows(8).any(|window| PASSPHRASE.windows(8).any(|part| part == window)));
}

#[test]
fn another_passphrase_opens_nothing() {
    let text = sealed(b"secret");
    for other in [b"".as_slice(), b"correct horse battery stapl", b"Correct horse battery staple"] {
        assert_eq!(open(text.as_bytes(), other).unwrap_err(), OpenError::Passphrase);
    }
}

/// Each byte, and each length.
#[test]
fn what_was_changed_or_cut_is_not_opened() {
    let bare = armor::taken_off(sealed(b"secret").as_bytes()).unwrap();
    for at in 0..bare.len() {
        for bit in [1, 0x80] {
            let mut changed = bare.clone();
            changed[at] ^= bit;
            // Two bits of the last sign of a code in base64 mean nothing, and are refused for it.
            assert!(open(&changed, PASSPHRASE).is_err(), "byte {at}");
        }
        assert!(open(&bare[..at], PASSPHRASE).is_err(), "cut at {at}");
    }
    assert!(open(&[bare.as_slice(), b"x"].concat(), PASSPHRASE).is_err(), "longer");
}

#[test]
fn what_is_something_else_is_said() {
    let bare = armor::taken_off(sealed(b"secret").as_bytes()).unwrap();
    let text = String::from_utf8_lossy(&bare).into_owned();
    let changed = |from: &str, to: &str| {
        let at = text.find(from).unwrap();
        [&bare[..at], to.as_bytes(), &bare[at + from.len()..]].concat()
    };
    for (file, expected) in [
        (b"".to_vec(), OpenError::Foreign),
        (b"plain secret".to_vec(), OpenError::Foreign),
        (b"age-encryption.org/v1\n".to_vec(), OpenError::Damaged),
        (b"age-encryption.org/v2\n".to_vec(), OpenError::Foreign),
        (changed("-> scrypt", "-> X25519"), OpenError::NoPassphrase),
        (changed(" 4\n", " 21\n"), OpenError::Work(21)),
        (changed(" 4\n", " 255\n"), OpenError::Work(255)),
        (changed(" 4\n", " 256\n"), OpenError::Damaged),
        (changed(" 4\n", " 04\n"), OpenError::Damaged),
        (changed(" 4\n", " 0\n"), OpenError::Damaged),
        (changed(" 4\n", " 5\n"), OpenError::Passphrase),
    ] {
        assert_eq!(open(&file, PASSPHRASE).unwrap_err(), expected, "{}", text.len());
    }
    let larger = vec![b'x'; SECRET_MAX + 200];
    let end = bare.len() - b"secret".len() - TAG;
    let larger = [&bare[..end], &larger].concat();
    assert_eq!(open(&larger, PASSPHRASE).unwrap_err(), OpenError::TooLarge);
}

/// Made by age's own crate (0.12.1) with this passphrase and 2^10 rounds, as bytes and as a text.
#[test]
fn what_age_has_made_is_opened() {
    let armored = include_bytes!("../fixtures/armored.age").as_slice();
    for file in [include_bytes!("../fixtures/age.age").as_slice(), armored] {
        let opened = open(file, PASSPHRASE).unwrap();
        assert_eq!(opened.as_slice(), b"madeUpSecretOfAge0123456789");
        assert_eq!(open(file, b"another").unwrap_err(), OpenError::Passphrase);
    }
}

/// The same random bytes make the same file: a pin of the format.
#[test]
fn the_form_is_pinned() {
    let digest = <Sha256 as sha2::Digest>::digest(sealed(b"secret").as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    assert_eq!(digest, "l1Qh729DY1Yf4Ts+lHpRNqqYCiP+N8ItynKKlQZ0Ets=");
}
