//! Which code and parameters an agent is: a hash of both.
//!
//! What was shown of an agent on paper holds for the program that showed it. So a version names a program by
//! what is in it; whoever makes one says what that is (`docs/gates.md`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits that people are shown.
const SHORT: usize = 12;

/// SHA-256 of an agent's code and parameters, in the journal as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentVersion([u8; 32]);

/// A text that is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an agent's version has 64 hexadecimal digits")]
pub struct NoVersion;

impl AgentVersion {
    /// From the bytes of a hash.
    pub const fn new(hash: [u8; 32]) -> AgentVersion {
        AgentVersion(hash)
    }

    /// Its first twelve digits, for people.
    pub fn short(self) -> String {
        let mut text = self.to_string();
        text.truncate(SHORT);
        text
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentVersion({self})")
    }
}

impl FromStr for AgentVersion {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<AgentVersion, NoVersion> {
        let mut hash = [0; 32];
        let digits = text.as_bytes();
        // One spelling alone, so that the same version is the same text.
        if digits.len() != 64
            || digits.iter().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(NoVersion);
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoVersion)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoVersion)?;
        }
        Ok(AgentVersion(hash))
    }
}

impl TryFrom<String> for AgentVersion {
    type Error = NoVersion;

    fn try_from(text: String) -> Result<AgentVersion, NoVersion> {
        text.parse()
    }
}

impl From<AgentVersion> for String {
    fn from(version: AgentVersion) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_one_text() {
        let version = AgentVersion::new(std::array::from_fn(|at| u8::try_from(at * 7).unwrap()));
        let text = version.to_string();
        assert_eq!((text.len(), text.parse()), (64, Ok(version)));
        assert_eq!(version.short(), "00070e151c23");
        let json = serde_json::to_string(&version).unwrap();
        assert_eq!(serde_json::from_str::<AgentVersion>(&json).unwrap(), version);
        for bad in
            ["", &text[1..], &text.to_uppercase(), &format!("{text}0"), &text.replace('0', "g")]
        {
            assert_eq!(bad.parse::<AgentVersion>(), Err(NoVersion), "{bad}");
        }
    }
}
