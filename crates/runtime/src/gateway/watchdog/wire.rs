//! The lines between gateway and watchdog, and what is believed of them.
//!
//! Both sign with a key that both make from the shared token and the random word with which the watchdog
//! opens each connection, so a line of another connection is worth nothing on this one. A heartbeat's number
//! was used by no heartbeat before it, of this process or an earlier one, and an answer repeats it: who plays
//! a whole connection back answers heartbeats that nobody sends. Pure.

use hmac::{Hmac, KeyInit as _, Mac as _};
use model::Amount;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Longest line, bytes.
pub(super) const LINE_MAX: usize = 4 << 10;
/// Shortest random word, hexadecimal digits: 128 bits.
const WORD_MIN: usize = 32;
/// What stands before the signature.
const BEFORE: &str = ",\"mac\":\"";
/// And behind it.
const BEHIND: &str = "\"}";

/// The watchdog's first line.
#[derive(Debug, Deserialize)]
struct Hello {
    v: u32,
    hello: String,
}

/// What the gateway says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Beat<'a> {
    pub(super) v: u32,
    pub(super) n: u64,
    pub(super) session: u64,
    /// By the gateway's clock, milliseconds since the epoch.
    pub(super) at_ms: i64,
    pub(super) state: &'a str,
    pub(super) cause: &'a str,
    pub(super) open_orders: u64,
    /// That may be there besides.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) in_doubt: u64,
    /// Quote units.
    pub(super) equity: Option<Amount>,
    /// Rounds of the gateway's loop so far.
    pub(super) progress: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What the watchdog answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Word {
    v: u32,
    /// The heartbeat that it answers.
    pub(super) n: u64,
    /// How long its lease is good from the moment when that was sent; zero where there is none.
    pub(super) lease_ms: u64,
    /// It has tripped.
    pub(super) halted: bool,
    /// Why, or why there is no lease.
    #[serde(default)]
    pub(super) cause: String,
    /// What the account is worth by what it sees, quote units.
    #[serde(default)]
    pub(super) equity: Option<Amount>,
    /// It sees the account at the venue.
    pub(super) watching: bool,
}

/// The key of one connection.
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// From the shared token and the watchdog's first line.
    pub(super) fn of(token: &str, line: &str) -> Result<Key, String> {
        let hello: Hello =
            serde_json::from_str(line).map_err(|_| "no word to begin with".to_owned())?;
        if hello.v != 1 {
            return Err(format!("version {} of the protocol, which is not spoken here", hello.v));
        }
        let is_hex = hello.hello.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || hello.hello.len() < WORD_MIN {
            return Err("a random word that is too short".to_owned());
        }
        let mut mac = mac(token.as_bytes());
        mac.update(hello.hello.as_bytes());
        Ok(Key(self::mac(&mac.finalize().into_bytes())))
    }

    /// A line with its signature, without its end.
    pub(super) fn sign(&self, beat: &Beat<'_>) -> serde_json::Result<String> {
        let mut line = serde_json::to_string(beat)?;
        let mut mac = self.0.clone();
        mac.update(line.as_bytes());
        line.pop();
        line.push_str(BEFORE);
        for byte in mac.finalize().into_bytes() {
            line.push_str(&format!("{byte:02x}"));
        }
        line.push_str(BEHIND);
        Ok(line)
    }

    /// What a line says, where it is signed with this key; else what is wrong with it.
    pub(super) fn read(&self, line: &str) -> Result<Word, String> {
        let unsigned = || "a line without a mac".to_owned();
        let (text, hex) = line
            .strip_suffix(BEHIND)
            .and_then(|line| line.rsplit_once(BEFORE))
            .ok_or_else(unsigned)?;
        let text = format!("{text}}}");
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        let claimed = bytes(hex).ok_or_else(unsigned)?;
        mac.verify_slice(&claimed).map_err(|_| "a line with a wrong mac".to_owned())?;
        let word: Word = serde_json::from_str(&text)
            .map_err(|error| format!("a signed line that is not understood: {error}"))?;
        if word.v != 1 {
            return Err(format!("version {} of the protocol, which is not spoken here", word.v));
        }
        Ok(word)
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const HELLO: &str = "{\"v\":1,\"hello\":\"00112233445566778899aabbccddeeff\"}";

    /// What a watchdog would answer: the other side, written down a second time.
    pub(crate) fn answer(token: &str, hello: &str, fields: &str) -> String {
        let word = serde_json::from_str::<serde_json::Value>(hello).unwrap();
        let mut key = mac(token.as_bytes());
        key.update(word["hello"].as_str().unwrap().as_bytes());
        let mut mac = mac(&key.finalize().into_bytes());
        let text = format!("{{\"v\":1,{fields}}}");
        mac.update(text.as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
        format!("{},\"mac\":\"{hex}\"}}", text.strip_suffix('}').unwrap())
    }

    const FIELDS: &str = "\"n\":7,\"lease_ms\":1000,\"halted\":false,\"cause\":\"\",\"equity\":\"10.5\",\"watching\":true";

    #[test]
    fn what_is_signed_with_the_key_of_this_connection_is_believed_and_nothing_else() {
        let key = Key::of("token", HELLO).unwrap();
        let line = answer("token", HELLO, FIELDS);
        let word = key.read(&line).unwrap();
        assert_eq!((word.n, word.lease_ms, word.halted, word.watching), (7, 1_000, false, true));
        assert_eq!(word.equity, Some("10.5".parse().unwrap()));
        let other = HELLO.replace("ff", "fe");
        let cases = [
            (answer("wrong", HELLO, FIELDS), "wrong mac"),
            (answer("token", &other, FIELDS), "wrong mac"),
            (line.replace("1000", "9000"), "wrong mac"),
            (line.replace("\"mac\":\"", "\"mac\":\"0"), "without a mac"),
            (format!("{{\"v\":1,{FIELDS}}}"), "without a mac"),
            (answer("token", HELLO, "\"n\":7"), "not understood"),
            (answer("token", HELLO, FIELDS).to_uppercase(), "without a mac"),
            (String::new(), "without a mac"),
            ("é".repeat(32), "without a mac"),
        ];
        for (line, said) in cases {
            let error = key.read(&line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn a_word_to_begin_with_has_to_be_long_and_random() {
        for (hello, said) in [
            ("", "no word"),
            ("{\"v\":2,\"hello\":\"00112233445566778899aabbccddeeff\"}", "version 2"),
            ("{\"v\":1,\"hello\":\"0011\"}", "too short"),
            ("{\"v\":1,\"hello\":\"zz112233445566778899aabbccddeeff\"}", "too short"),
        ] {
            let error = Key::of("token", hello).err().unwrap();
            assert!(error.contains(said), "{hello}: {error}");
        }
    }

    /// Counted by another program: HMAC-SHA256 of the word under the token, and of the line under that.
    #[test]
    fn the_vector_of_the_protocol() {
        let hello = "{\"v\":1,\"hello\":\"000102030405060708090a0b0c0d0e0f\"}";
        let beat = Beat {
            v: 1,
            n: 7,
            session: 3,
            at_ms: 1_767_225_600_000,
            state: "active",
            cause: "",
            open_orders: 3,
            in_doubt: 0,
            equity: Some("10012.5".parse().unwrap()),
            progress: 41,
        };
        let line = Key::of("madeUpTokenForTests", hello).unwrap().sign(&beat).unwrap();
        let mac = "153715bc009f348e094b19ea06f107fd64cfacb3c3d835d1206dfbb8d1e94708";
        assert!(line.ends_with(&format!(",\"progress\":41,\"mac\":\"{mac}\"}}")), "{line}");
    }

    #[test]
    fn a_beat_is_one_line_and_its_mac_is_over_the_rest() {
        let beat = Beat {
            v: 1,
            n: 3,
            session: 12,
            at_ms: 1_700_000_000_000,
            state: "active",
            cause: "",
            open_orders: 2,
            in_doubt: 0,
            equity: None,
            progress: 99,
        };
        let line = Key::of("token", HELLO).unwrap().sign(&beat).unwrap();
        let text = "\"n\":3,\"session\":12,\"at_ms\":1700000000000,\"state\":\"active\",\"cause\":\"\",\
                    \"open_orders\":2,\"equity\":null,\"progress\":99";
        assert_eq!(line, answer("token", HELLO, text));
    }
}
