//! A short text held in place, with zeros behind it.
//!
//! Ids are compared with every order and every market event, mostly to find something under one of them. With
//! zeros up to the capacity two texts compare as so many bytes, which is known when this is compiled and takes a
//! few machine instructions; a length that is known only then takes a call each time. No id holds a zero byte
//! (`ids.rs` refuses what does not print), so bytes are in order as texts are.

use std::cmp::Ordering;

use arrayvec::ArrayString;

/// A text of `N` bytes at most, `N` below 256, with no zero byte in it.
#[derive(Clone, Copy, Debug, Eq)]
pub(crate) struct Padded<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

/// With zeros behind them and none within, texts of equal bytes are of one length.
impl<const N: usize> PartialEq for Padded<N> {
    #[inline]
    fn eq(&self, other: &Padded<N>) -> bool {
        self.bytes == other.bytes
    }
}

impl<const N: usize> std::hash::Hash for Padded<N> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<const N: usize> Ord for Padded<N> {
    /// Word by word: for arrays of bytes the compiler would call what compares texts of any length. Mostly they are equal,
    /// and only words that are not have to be turned round.
    fn cmp(&self, other: &Padded<N>) -> Ordering {
        const { assert!(N >= 8, "a shorter text has no word") };
        let (words, rest) = self.bytes.as_chunks::<8>();
        let (others, _) = other.bytes.as_chunks::<8>();
        for (word, other) in words.iter().zip(others) {
            if word != other {
                return u64::from_be_bytes(*word).cmp(&u64::from_be_bytes(*other));
            }
        }
        if rest.is_empty() {
            return Ordering::Equal;
        }
        // The last word reaches back into the one before it, which is equal.
        match (self.bytes.last_chunk(), other.bytes.last_chunk()) {
            (Some(word), Some(other)) => u64::from_be_bytes(*word).cmp(&u64::from_be_bytes(*other)),
            _ => Ordering::Equal,
        }
    }
}

impl<const N: usize> PartialOrd for Padded<N> {
    fn partial_cmp(&self, other: &Padded<N>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Padded<N> {
    /// `None` for a text that is too long or has a zero byte in it.
    pub(crate) fn new(text: &str) -> Option<Padded<N>> {
        let len = u8::try_from(text.len()).ok()?;
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        (!text.contains('\0')).then_some(Padded { bytes, len })
    }

    /// A part of another one, not empty; `None` where it is too long.
    pub(crate) fn of_part(part: &[u8]) -> Option<Padded<N>> {
        let len = u8::try_from(part.len()).ok().filter(|len| *len > 0)?;
        let mut bytes = [0; N];
        bytes.get_mut(..part.len())?.copy_from_slice(part);
        Some(Padded { bytes, len })
    }

    /// What is between these bytes. Of ASCII, so that each part is a text, too.
    pub(crate) fn parts(&self, between: u8) -> impl Iterator<Item = &[u8]> {
        debug_assert!(between.is_ascii());
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        text.split(move |byte| *byte == between)
    }

    /// The same of a text that fits.
    pub(crate) fn of(text: &ArrayString<N>) -> Padded<N> {
        Padded::new(text).unwrap_or(Padded { bytes: [0; N], len: 0 })
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        // It was one when it came.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_none() {
        assert_eq!(Padded::<8>::new("eight ch").unwrap().as_str(), "eight ch");
        assert_eq!(Padded::<8>::new("").unwrap().as_str(), "");
        assert_eq!(Padded::<8>::new("nine char"), None);
        assert_eq!(Padded::<8>::new("a\0"), None, "it would be in order before what is shorter");
    }

    proptest! {
        #[test]
        fn they_are_in_order_as_texts_are(
            shared in "[ab]{0,20}",
            one in "[-abä]{0,3}",
            other in "[-abä]{0,3}",
        ) {
            let (one, other) = (format!("{shared}{one}"), format!("{shared}{other}"));
            let (a, b) = (Padded::<27>::new(&one).unwrap(), Padded::<27>::new(&other).unwrap());
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            prop_assert_eq!(a == b, one == other);
            prop_assert_eq!(a.as_str(), one);
        }
    }
}
