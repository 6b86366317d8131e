//! Opens a file that a passphrase seals, in the format of age: written a second time, for reading alone.
//!
//! The format is age's (age-encryption.org/v1, C2SP `age.md`, read 2026-08-20) with its `scrypt` recipient:
//! what `plimsoll secret encrypt` and `age -p` make. It is read here without the code that made it, so that one
//! bug does not shut out both. One chunk of 64 KiB is the most; a secret is short.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const VERSION: &str = "age-encryption.org/v1";
/// Largest file, bytes.
pub(crate) const FILE_MAX: u64 = 128 << 10;
/// Two to this power rounds are the most: more would take more than a gibibyte.
const WORK_MAX: u8 = 20;
const CHUNK_MAX: usize = (64 << 10) + 16;
const NONCE: usize = 16;
/// The nonce of the only chunk: number zero, and the last.
const ONLY: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Why a file cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("is no file of age with a passphrase; plimsoll secret encrypt makes one")]
    Foreign,
    #[error("takes 2^{0} rounds to open, and 2^{WORK_MAX} are the most; seal it again")]
    Work(u8),
    #[error("is not opened by this passphrase")]
    Passphrase,
    #[error("is damaged, or too large for a secret; seal it again")]
    Damaged,
}

/// The parts of a head.
struct Head<'a> {
    salt: Vec<u8>,
    work: u8,
    wrapped: Vec<u8>,
    /// What the code covers.
    covered: &'a [u8],
    code: Vec<u8>,
}

/// Opens it, armored or not.
pub(crate) fn open(file: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let bare = bare(file)?;
    let (head, payload) = head(&bare)?;
    if head.work > WORK_MAX {
        return Err(OpenError::Work(head.work));
    }
    let key = from_passphrase(passphrase, &head.salt, head.work).ok_or(OpenError::Foreign)?;
    let file_key = decrypted(&key, &[0; 12], &head.wrapped).ok_or(OpenError::Passphrase)?;
    let mut mac = <Hmac<Sha256>>::new_from_slice(derived(&file_key, &[], b"header").as_slice())
        .map_err(|_| OpenError::Damaged)?;
    mac.update(head.covered);
    mac.verify_slice(&head.code).map_err(|_| OpenError::Damaged)?;
    let (nonce, chunk) = payload.split_at_checked(NONCE).ok_or(OpenError::Damaged)?;
    if chunk.len() > CHUNK_MAX {
        return Err(OpenError::Damaged);
    }
    decrypted(&derived(&file_key, nonce, b"payload"), &ONLY, chunk).ok_or(OpenError::Damaged)
}

/// Without its armor.
fn bare(file: &[u8]) -> Result<Vec<u8>, OpenError> {
    let Some(text) = std::str::from_utf8(file).ok().map(str::trim).filter(|t| t.starts_with(BEGIN))
    else {
        return Ok(file.to_vec());
    };
    let body = text.strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let body: String = body.ok_or(OpenError::Damaged)?.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| OpenError::Damaged)
}

fn head(file: &[u8]) -> Result<(Head<'_>, &[u8]), OpenError> {
    let mut rest = file;
    let mut lines = Vec::new();
    for _ in 0..4 {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(OpenError::Foreign)?;
        lines.push(std::str::from_utf8(&rest[..end]).map_err(|_| OpenError::Foreign)?);
        rest = &rest[end + 1..];
    }
    let [version, recipient, wrapped, last] = lines[..] else { return Err(OpenError::Foreign) };
    let words: Vec<&str> = recipient.split(' ').collect();
    let (VERSION, ["->", "scrypt", salt, work]) = (version, words.as_slice()) else {
        return Err(OpenError::Foreign);
    };
    let work = Some(*work).filter(|work| !work.starts_with(['0', '+']));
    let bytes = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| OpenError::Damaged);
    // Exactly one recipient, as the format wants it of a passphrase.
    let code = last.strip_prefix("--- ").ok_or(OpenError::Damaged)?;
    let end = file.len() - rest.len() - last.len() - 1 + "---".len();
    let head = Head {
        salt: bytes(salt)?,
        work: work.and_then(|work| work.parse().ok()).ok_or(OpenError::Damaged)?,
        wrapped: bytes(wrapped)?,
        covered: file.get(..end).ok_or(OpenError::Damaged)?,
        code: bytes(code)?,
    };
    Ok((head, rest))
}

/// `None` for work that scrypt has no words for.
fn from_passphrase(passphrase: &[u8], salt: &[u8], work: u8) -> Option<Zeroizing<[u8; 32]>> {
    let params = scrypt::Params::new((work > 0).then_some(work)?, 8, 1).ok()?;
    let salted = [b"age-encryption.org/v1/scrypt", salt].concat();
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase, &salted, &params, key.as_mut()).ok()?;
    Some(key)
}

fn derived(file_key: &[u8], salt: &[u8], what: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // 32 bytes are far below what it can give.
    let _ = Hkdf::<Sha256>::new(Some(salt), file_key).expand(what, key.as_mut());
    key
}

fn decrypted(key: &[u8; 32], nonce: &[u8; 12], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ChaCha20Poly1305::new(key.into()).decrypt(nonce.into(), sealed).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPHRASE: &[u8] = b"correct horse battery staple";
    /// As bytes, and as a text.
    const FILES: [&[u8]; 2] = [
        include_bytes!("../../sealed/fixtures/age.age"),
        include_bytes!("../../sealed/fixtures/armored.age"),
    ];

    /// What age itself made, and what it was made of: `fixtures/` of the crate that seals.
    #[test]
    fn what_age_made_is_opened_by_its_passphrase_alone() {
        for file in FILES {
            let opened = open(file, PASSPHRASE).unwrap();
            assert_eq!(opened.as_slice(), b"madeUpSecretOfAge0123456789");
            assert_eq!(open(file, b"wrong").err(), Some(OpenError::Passphrase));
            assert_eq!(open(b"hunter2", PASSPHRASE).err(), Some(OpenError::Foreign));
        }
    }

    /// Whichever byte is changed, nothing comes out of it.
    #[test]
    fn what_was_changed_is_not_opened() {
        let whole = bare(FILES[0]).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(open(&changed, PASSPHRASE).is_err(), "byte {at}");
        }
        for length in [0, 10, 60, whole.len() - 20, whole.len() - 1] {
            assert!(open(&whole[..length], PASSPHRASE).is_err(), "{length} bytes");
        }
        let at = whole.windows(4).position(|part| part == b" 10\n").unwrap();
        for (work, expected) in [
            (b" 30\n", OpenError::Work(30)),
            (b" 00\n", OpenError::Damaged),
            (b" +9\n", OpenError::Damaged),
        ] {
            let much = [&whole[..at], work, &whole[at + 4..]].concat();
            assert_eq!(open(&much, PASSPHRASE).err(), Some(expected));
        }
    }
}
