//! How the files of the budget are written: a line that says what it is and whether it is whole, and
//! one of JSON.
//!
//! ```text
//! plimsoll-budget 1 3f2a…(16 hex digits: checksum of the JSON) 00001234(its length)
//! {"limiters":[…],…}
//! ```
//!
//! What follows the second line is the rest of something longer and means nothing.

use std::io::Write as _;
use std::path::{Path, PathBuf};

const MAGIC: &str = "plimsoll-budget 1 ";
/// Length of the first line, bytes: magic, 16 digits, a space, 8 digits, the end of the line.
const HEADER: usize = MAGIC.len() + 16 + 1 + 8 + 1;

/// The text with its first line, and the end of its own.
pub(super) fn frame(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + text.len() + 1);
    // Writing to memory cannot fail.
    let _ = writeln!(bytes, "{MAGIC}{:016x} {:08}", checksum(text), text.len());
    bytes.extend_from_slice(text);
    // What may stand behind it, of a longer one, is not part of the line.
    bytes.push(b'\n');
    bytes
}

/// The text without its first line, if it is whole. What stands after it is the rest of something
/// longer.
pub(super) fn unframe(bytes: &[u8]) -> Option<&[u8]> {
    let header = std::str::from_utf8(bytes.get(..HEADER)?).ok()?;
    let (sum, length) = header.strip_prefix(MAGIC)?.strip_suffix('\n')?.split_once(' ')?;
    let sum = u64::from_str_radix(sum, 16).ok()?;
    let text = bytes[HEADER..].get(..length.parse().ok()?)?;
    (checksum(text) == sum).then_some(text)
}

/// Like FNV-1a, but over little-endian words of eight bytes and then the bytes that are left, with a
/// rotation by 29 bits after each: as good at finding a torn page, and eight times as fast.
fn checksum(text: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29);
    let (words, rest) = text.as_chunks::<8>();
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |h, w| step(h, u64::from_le_bytes(*w)));
    rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)))
}

/// `path` with something after its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
