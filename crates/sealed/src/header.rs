//! The head of a sealed file: one recipient, and a code over it that only the file's own key makes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::error::OpenError;

pub(super) const SALT: usize = 16;
pub(super) const KEY: usize = 32;
const VERSION: &str = "age-encryption.org/v1\n";
/// A wrapped key of 16 bytes with its tag.
const WRAPPED: usize = 32;

pub(super) struct Header {
    pub(super) salt: [u8; SALT],
    pub(super) work: u8,
    pub(super) wrapped: [u8; WRAPPED],
    /// What the code covers.
    covered: Vec<u8>,
    code: Vec<u8>,
}

impl Header {
    /// The text of a header.
    pub(super) fn written(salt: &[u8], work: u8, wrapped: &[u8], mac_key: &[u8; KEY]) -> String {
        let (salt, wrapped) = (BASE64.encode(salt), BASE64.encode(wrapped));
        let covered = format!("{VERSION}-> scrypt {salt} {work}\n{wrapped}\n---");
        let code = mac(mac_key, covered.as_bytes()).finalize().into_bytes();
        format!("{covered} {}\n", BASE64.encode(code))
    }

    /// The header of a file, and what follows it.
    pub(super) fn read(file: &[u8]) -> Result<(Header, &[u8]), OpenError> {
        let rest = file.strip_prefix(VERSION.as_bytes()).ok_or(OpenError::Foreign)?;
        let (recipient, rest) = line(rest).ok_or(OpenError::Damaged)?;
        let mut words = recipient.split(' ');
        if (words.next(), words.next()) != (Some("->"), Some("scrypt")) {
            return Err(OpenError::NoPassphrase);
        }
        let salt = words.next().and_then(|word| BASE64.decode(word).ok());
        let work = words.next().filter(|word| !word.starts_with(['0', '+']));
        let work = work.and_then(|word| word.parse().ok());
        let (Some(salt), Some(work), None) = (salt, work, words.next()) else {
            return Err(OpenError::Damaged);
        };
        let (wrapped, rest) = line(rest).ok_or(OpenError::Damaged)?;
        let wrapped = BASE64.decode(wrapped).map_err(|_| OpenError::Damaged)?;
        let (last, payload) = line(rest).ok_or(OpenError::Damaged)?;
        // A second recipient beside a passphrase is not allowed by the format.
        let code = last.strip_prefix("--- ").ok_or(OpenError::Damaged)?;
        let code = BASE64.decode(code).map_err(|_| OpenError::Damaged)?;
        let end = file.len() - rest.len() + "---".len();
        let header = Header {
            salt: salt.try_into().map_err(|_| OpenError::Damaged)?,
            work,
            wrapped: wrapped.try_into().map_err(|_| OpenError::Damaged)?,
            covered: file.get(..end).ok_or(OpenError::Damaged)?.to_vec(),
            code,
        };
        Ok((header, payload))
    }

    /// Was it made by whoever knew the file's key?
    pub(super) fn is_authentic(&self, mac_key: &[u8; KEY]) -> bool {
        mac(mac_key, &self.covered).verify_slice(&self.code).is_ok()
    }
}

fn mac(key: &[u8; KEY], covered: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256>>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length"));
    mac.update(covered);
    mac
}

/// The first line, and the rest.
fn line(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}
