//! What must not be printed: tokens, passwords, and addresses that hold one.

use std::fmt;

/// What stands for a secret where one is cut out.
const INSTEAD: &str = "…";
/// Anything shorter is no secret, and would be cut out of every word.
const LENGTH_MIN: usize = 4;

/// A text that prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides it.
    pub fn new(text: impl Into<String>) -> Hidden {
        Hidden(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes it out of a text that came from elsewhere, such as a server's answer.
    pub(crate) fn cut_out_of(&self, text: &str) -> String {
        if self.0.len() < LENGTH_MIN { text.to_owned() } else { text.replace(&self.0, INSTEAD) }
    }

    /// Scheme and host of an address, without what may be a token: user, path and query.
    pub(crate) fn origin(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return INSTEAD.to_owned() };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host}/{INSTEAD}")
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_token() {
        for (address, shown) in [
            ("https://hooks.example.com/services/T0/B0/canary", "https://hooks.example.com/…"),
            ("https://me:canary@example.com:8443/x?y=canary", "https://example.com:8443/…"),
            ("https://example.com?key=canary", "https://example.com/…"),
            ("canary", "…"),
        ] {
            let hidden = Hidden::new(address);
            assert_eq!(hidden.origin(), shown);
            assert_eq!(format!("{hidden:?}"), "Hidden(…)");
            let said = format!("no way to {address} there");
            assert!(!hidden.cut_out_of(&said).contains("canary"));
        }
        assert_eq!(Hidden::new("").cut_out_of("as it is"), "as it is");
    }
}
