//! A code that was given out for a reset, and how secrets are compared.

/// A code that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What has to come back.
    pub code: String,
    /// When it was given, by the steady clock, ms.
    pub given_ms: u64,
    /// For the latch of this time.
    pub latched_at_ms: i64,
    /// What was shown beside it, and is accepted with it.
    pub losses: Losses,
}

/// Losses beyond their limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Since the high-water mark.
    pub drawdown: bool,
    /// Since the beginning of the day.
    pub day: bool,
    /// What nothing explains.
    pub unexplained: bool,
}

/// Compares without telling by its time where the texts differ.
pub fn same(one: &str, other: &str) -> bool {
    let differs = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_or_not() {
        for (one, other, is) in
            [("", "", true), ("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false)]
        {
            assert_eq!(same(one, other), is, "{one} {other}");
        }
    }
}
