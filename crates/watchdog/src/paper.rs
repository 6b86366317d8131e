//! A paper account: an exchange inside the gateway's process, which that process shows on a port of its host in the
//! venue's own protocol. Its key is made from the token that both share, so that no key of the venue is read.
//!
//! With the gateway's process the account ends, and nothing rests anywhere but what the next start brings back.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The name of the account's key.
pub(crate) const KEY: &str = "paper";
/// What its secret is made of besides the token.
const CONTEXT: &str = "plimsoll paper account";

/// What the gateway's `[paper]` says of it; the rest of that table is the gateway's.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PaperTable {
    listen: Option<String>,
}

impl PaperTable {
    /// Where the account is: a port of this host, because nobody else is to see its key at work.
    pub(crate) fn address(&self) -> Result<String, String> {
        let text = self.listen.as_deref().unwrap_or("127.0.0.1:9202");
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(format!("http://{address}")),
            _ => {
                Err(format!("paper.listen: {text:?} is no port of this host, as in 127.0.0.1:9202"))
            }
        }
    }
}

/// The secret of the key, made as by the gateway (`runtime/src/gateway/paper/counter.rs`).
pub(crate) fn secret(token: &str) -> Zeroizing<String> {
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(CONTEXT.as_bytes());
    Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gateway has the same line in its tests.
    #[test]
    fn both_make_the_same_secret() {
        let expected = "7U6J71JgzsO/uc85kAMqP89m9AsuuFy/Z9M7j6gmelA=";
        assert_eq!(secret("madeUpTokenForTests").as_str(), expected);
    }

    #[test]
    fn it_is_on_this_host() {
        let at = |listen: Option<&str>| PaperTable { listen: listen.map(str::to_owned) }.address();
        assert_eq!(at(None).unwrap(), "http://127.0.0.1:9202");
        assert_eq!(at(Some("127.0.0.1:1")).unwrap(), "http://127.0.0.1:1");
        for other in ["0.0.0.0:9202", "10.0.0.1:9202", "localhost", ""] {
            assert!(at(Some(other)).unwrap_err().contains("paper.listen"), "{other}");
        }
    }
}
