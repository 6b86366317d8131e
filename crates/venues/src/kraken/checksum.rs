//! The checksum of a book, which is the only thing that shows a gap: there are no sequence numbers.
//!
//! Source: guide "Book checksum (v2)", read 2026-08-21. Its own example and one of ours are in the tests.

use super::CHECKED_LEVELS;

/// Price and quantity of a level as the checksum has them: the digits that were printed, without the point
/// and without the zeros before them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Digits(String);

impl Digits {
    /// Of a level, as it was printed.
    pub fn of(price: &str, qty: &str) -> Digits {
        let mut digits = String::with_capacity(price.len() + qty.len());
        for text in [price, qty] {
            let plain = |c: &char| *c != '.';
            digits.extend(text.chars().filter(plain).skip_while(|c| *c == '0'));
        }
        Digits(digits)
    }
}

/// Of a book, best levels first; only the first ten a side count.
pub fn checksum<'a>(
    asks: impl Iterator<Item = &'a Digits>,
    bids: impl Iterator<Item = &'a Digits>,
) -> u32 {
    let counted = asks.take(CHECKED_LEVELS).chain(bids.take(CHECKED_LEVELS));
    !counted.fold(u32::MAX, |crc, digits| digits.0.bytes().fold(crc, step))
}

/// CRC-32 as in IEEE 802.3, reflected, a byte at a time.
fn step(crc: u32, byte: u8) -> u32 {
    (crc >> 8) ^ TABLE[((crc ^ u32::from(byte)) & 0xff) as usize]
}

const TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut index = 0;
    while index < table.len() {
        let (mut value, mut bit) = (index as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_published_one() {
        let crc = |text: &str| !text.bytes().fold(u32::MAX, step);
        assert_eq!(crc("123456789"), 0xcbf4_3926);
        assert_eq!(crc(""), 0);
    }

    #[test]
    fn digits_lose_the_point_and_leading_zeros() {
        assert_eq!(Digits::of("61234.6", "0.01500000"), Digits("6123461500000".to_owned()));
        assert_eq!(Digits::of("0.05005", "0.00000500"), Digits("5005500".to_owned()));
        assert_eq!(Digits::of("0.0", "0"), Digits(String::new()));
    }

    const ASKS: &str = "61234.6 0.01500000|61234.7 1.20000000|61234.8 0.00340000|61234.9 2.00000000|\
        61235.0 0.50000000|61235.1 0.07000000|61235.2 3.10000000|61235.3 0.00090000|61235.4 0.25000000|\
        61235.5 1.00000000|61236.0 9.00000000";
    const BIDS: &str = "61234.5 0.84000000|61234.4 0.10000000|61234.3 0.00250000|61234.2 1.75000000|\
        61234.1 0.33000000|61234.0 4.00000000|61233.9 0.06100000|61233.8 0.90000000|61233.7 0.01000000|\
        61233.6 2.20000000|61233.5 1.00000000";

    fn levels(text: &str) -> Vec<Digits> {
        let level = |level: &str| {
            let (price, qty) = level.split_once(' ').unwrap();
            Digits::of(price, qty)
        };
        text.split('|').map(level).collect()
    }

    #[test]
    fn a_book_and_the_book_after_a_change() {
        let (asks, bids) = (levels(ASKS), levels(BIDS));
        assert_eq!(checksum(asks.iter(), bids.iter()), 2_583_607_281);
        // The best bid is gone, and the eleventh counts.
        assert_eq!(checksum(asks.iter(), bids[1..].iter()), 3_655_972_843);
        assert_ne!(checksum(bids.iter(), asks.iter()), 2_583_607_281, "asks come first");
    }

    /// The guide's own example.
    #[test]
    fn the_venues_example() {
        let asks = "45285.2 0.00100000|45286.4 1.54571953|45286.6 1.54571109|45289.6 1.54560911|\
            45290.2 0.15890660|45291.8 1.54553491|45294.7 0.04454749|45296.1 0.35380000|\
            45297.5 0.09945542|45299.5 0.18772827";
        let bids = "45283.5 0.10000000|45283.4 1.54582015|45282.1 0.10000000|45281.0 0.10000000|\
            45280.3 1.54592586|45279.0 0.07990000|45277.6 0.03310103|45277.5 0.30000000|\
            45277.3 1.54602737|45276.6 0.15445238";
        assert_eq!(checksum(levels(asks).iter(), levels(bids).iter()), 3_310_070_434);
    }
}
