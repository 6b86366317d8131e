//! A scanner for JSON in exactly the shape a venue prints it: known keys in a known order, no
//! spaces. It answers `None` for anything else, and a real parser takes over.

/// What is left of a text.
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Scan<'a> {
        Scan { rest: text }
    }

    /// Is everything read?
    pub(crate) const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Steps over this text.
    #[inline]
    pub(crate) fn skip(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// A number without sign, point or exponent.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        let mut at = 0;
        while let Some(digit) = self.rest.get(at).map(|byte| byte.wrapping_sub(b'0'))
            && digit <= 9
        {
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            at += 1;
        }
        self.rest = &self.rest[at..];
        (at > 0).then_some(value)
    }

    /// The rest of a text after its opening quote, and over its closing one. Texts with escapes are
    /// left to the parser.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == b'"')?;
        let (text, rest) = self.rest.split_at(end);
        if text.contains(&b'\\') {
            return None;
        }
        self.rest = &rest[1..];
        Some(text)
    }

    /// The rest of a number in quotes, after its opening quote; what is in it is for the grid to
    /// judge.
    #[inline]
    pub(crate) fn digits(&mut self) -> Option<&'a [u8]> {
        let mut at = 0;
        while *self.rest.get(at)? != b'"' {
            at += 1;
        }
        let (text, rest) = self.rest.split_at(at);
        self.rest = &rest[1..];
        Some(text)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        if self.skip(b"true").is_some() {
            return Some(true);
        }
        self.skip(b"false").map(|()| false)
    }

    /// Steps over one byte if it is this one.
    #[inline]
    pub(crate) fn skip_if(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

/// What stands between a mark and the next end; empty where there is no such thing. For a glance at
/// texts that were written here.
pub(crate) fn between<'a>(text: &'a str, mark: &str, end: char) -> &'a str {
    let Some(start) = text.find(mark).map(|at| at + mark.len()) else { return "" };
    text[start..].split(end).next().unwrap_or_default()
}
