//! Names of orders and executions as Kraken writes them: a letter, and sixteen letters and digits in three
//! groups. Here they hold the exchange's own number.

use model::VenueOrderId;

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn named(letter: char, number: u64) -> String {
    let mut digits = [b'0'; 16];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 36) as usize];
        rest /= 36;
    }
    let mut name = String::from(letter);
    for (at, digit) in digits.into_iter().enumerate() {
        if at == 5 || at == 10 {
            name.push('-');
        }
        name.push(char::from(digit));
    }
    name
}

/// An order's name.
pub(super) fn order_id(id: VenueOrderId) -> String {
    id.as_str().parse().map_or_else(|_| id.to_string(), |number| named('O', number))
}

/// An execution's name, and its number.
pub(super) fn trade_id(id: &str) -> (String, u64) {
    id.parse().map_or_else(|_| (id.to_owned(), 0), |number| (named('T', number), number))
}

/// The order or execution of this name.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits: String = name.chars().skip(1).filter(|c| *c != '-').collect();
    if digits.len() != 16 || !name.starts_with(['O', 'T']) {
        return None;
    }
    u64::from_str_radix(&digits, 36).ok()
}

/// The order of this name.
pub(super) fn parse_order_id(name: &str) -> Option<VenueOrderId> {
    number(name).map(VenueOrderId::from_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_numbers() {
        for id in [0, 1, 35, 36, 7_001, u64::MAX] {
            let id = VenueOrderId::from_number(id);
            let name = order_id(id);
            assert_eq!((name.len(), parse_order_id(&name)), (19, Some(id)), "{name}");
        }
        assert_eq!(order_id(VenueOrderId::from_number(7_001)), "O00000-00000-0005EH");
        for other in ["", "O", "OABCDE-12345-FGHI", "XABCDE-12345-FGHIJK", "OABCDE-12345-FGHIJ!"] {
            assert_eq!(parse_order_id(other), None, "{other}");
        }
    }
}
