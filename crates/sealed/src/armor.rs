//! A sealed file as a text: what age calls its armor.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const COLUMNS: usize = 64;

/// These bytes as a text.
pub(super) fn worn(file: &[u8]) -> String {
    let text = BASE64.encode(file);
    let mut lines = vec![BEGIN];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        lines.push(line);
        rest = after;
    }
    lines.push(END);
    lines.join("\n") + "\n"
}

/// Is it such a text?
pub(super) fn is_worn(file: &[u8]) -> bool {
    file.trim_ascii_start().starts_with(BEGIN.as_bytes())
}

/// The bytes of such a text.
pub(super) fn taken_off(file: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(file).ok()?.trim();
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: String = body.lines().map(str::trim_end).collect();
    BASE64.decode(body).ok()
}
