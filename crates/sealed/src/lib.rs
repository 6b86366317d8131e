//! A secret in a file that only a passphrase opens, in the format of age.
//!
//! The format is age's (age-encryption.org/v1, C2SP `age.md`, read 2026-08-20) with its `scrypt` recipient,
//! so that `age -d` opens what is made here and `age -p` makes what is opened here. It is small enough to
//! stand in one file; age's own crate brings eighty others. The ciphers are those of RustCrypto.
//!
//! Left out: recipients that are keys, plugins, and files of more than one chunk of 64 KiB: a secret is
//! short. Random bytes come from the caller: nothing here asks the machine for anything.

mod armor;
mod error;
mod header;

use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

pub use self::error::{OpenError, SECRET_MAX, SealError};

use self::error::WORK_MAX;
use self::header::{Header, KEY, SALT};

/// How hard a passphrase is to guess: two to this power rounds, each of 1 KiB. 128 MiB and a part of a
/// second for each guess.
pub const WORK: u8 = 17;
/// Largest file that may be one of these, bytes.
pub const FILE_MAX: usize = 2 * SECRET_MAX;

const FILE_KEY: usize = 16;
const NONCE: usize = 16;
/// What a chunk grows by.
const TAG: usize = 16;
/// The nonce of the only chunk: number zero, and it is the last.
const FIRST_AND_LAST: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Random bytes that one sealing takes. They are used once and never again.
pub type Random = [u8; FILE_KEY + SALT + NONCE];

/// Seals a secret, as a text. `work` is [`WORK`] but in tests.
pub fn seal(
    secret: &[u8],
    passphrase: &[u8],
    work: u8,
    random: &Random,
) -> Result<String, SealError> {
    if secret.len() > SECRET_MAX {
        return Err(SealError);
    }
    let (file_key, rest) = random.split_at(FILE_KEY);
    let (salt, nonce) = rest.split_at(SALT);
    let wrapping = wrapping_key(passphrase, salt, work).ok_or(SealError)?;
    let wrapped = cipher(&wrapping).encrypt(&[0; 12].into(), file_key).map_err(|_| SealError)?;
    let header = Header::written(salt, work, &wrapped, &mac_key(file_key));
    let mut file = header.into_bytes();
    file.extend(nonce);
    let chunk = cipher(&payload_key(file_key, nonce)).encrypt(&FIRST_AND_LAST.into(), secret);
    file.extend(chunk.map_err(|_| SealError)?);
    Ok(armor::worn(&file))
}

/// Opens a sealed secret, armored or not.
pub fn open(file: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let taken_off;
    let file = if armor::is_worn(file) {
        taken_off = armor::taken_off(file).ok_or(OpenError::Damaged)?;
        taken_off.as_slice()
    } else {
        file
    };
    let (header, payload) = Header::read(file)?;
    if header.work > WORK_MAX {
        return Err(OpenError::Work(header.work));
    }
    let wrapping = wrapping_key(passphrase, &header.salt, header.work).ok_or(OpenError::Foreign)?;
    let file_key = cipher(&wrapping).decrypt(&[0; 12].into(), header.wrapped.as_slice());
    let file_key = Zeroizing::new(file_key.map_err(|_| OpenError::Passphrase)?);
    if !header.is_authentic(&mac_key(&file_key)) {
        return Err(OpenError::Damaged);
    }
    let Some((nonce, chunk)) = payload.split_at_checked(NONCE) else {
        return Err(OpenError::Damaged);
    };
    if chunk.len() > SECRET_MAX + TAG {
        return Err(OpenError::TooLarge);
    }
    let secret = cipher(&payload_key(&file_key, nonce)).decrypt(&FIRST_AND_LAST.into(), chunk);
    secret.map(Zeroizing::new).map_err(|_| OpenError::Damaged)
}

fn cipher(key: &[u8; KEY]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

/// From the passphrase; `None` for work that scrypt has no words for.
fn wrapping_key(passphrase: &[u8], salt: &[u8], work: u8) -> Option<Zeroizing<[u8; KEY]>> {
    let params = scrypt::Params::new((1..=WORK_MAX).contains(&work).then_some(work)?, 8, 1).ok()?;
    let salted = [b"age-encryption.org/v1/scrypt".as_slice(), salt].concat();
    let mut key = Zeroizing::new([0; KEY]);
    scrypt::scrypt(passphrase, &salted, &params, key.as_mut()).ok()?;
    Some(key)
}

fn mac_key(file_key: &[u8]) -> Zeroizing<[u8; KEY]> {
    derived(file_key, &[], b"header")
}

fn payload_key(file_key: &[u8], nonce: &[u8]) -> Zeroizing<[u8; KEY]> {
    derived(file_key, nonce, b"payload")
}

fn derived(file_key: &[u8], salt: &[u8], what: &[u8]) -> Zeroizing<[u8; KEY]> {
    let mut key = Zeroizing::new([0; KEY]);
    // 32 bytes are far below what it can give.
    let _ = Hkdf::<Sha256>::new(Some(salt), file_key).expand(what, key.as_mut());
    key
}

#[cfg(test)]
mod tests;
