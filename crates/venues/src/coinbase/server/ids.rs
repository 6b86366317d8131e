//! Names that Coinbase writes as UUIDs, made of what the exchange behind has: numbers and texts.

use model::{AccountId, Asset, Fill, Liquidity, VenueOrderId};

/// The exchange counts its orders. The number stands in the last two groups, the third and fourth
/// say that this is a UUID of version 4.
pub(super) fn order_id(id: VenueOrderId) -> String {
    match number(id) {
        Some(number) => uuid(0x0dde_0000_0000_0000, number),
        None => id.as_str().to_owned(),
    }
}

/// The order that is meant, if this can be the name of one.
pub(super) fn parse_order_id(text: &str) -> Option<VenueOrderId> {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let by_number = || {
        let number = u64::from_str_radix(hex.get(17..)?, 16).ok()?;
        let id = VenueOrderId::from_number(number);
        (order_id(id) == text).then_some(id)
    };
    by_number().or_else(|| VenueOrderId::new(text).ok().filter(|id| number(*id).is_none()))
}

/// The number that was made into an id, if it was.
fn number(id: VenueOrderId) -> Option<u64> {
    let number: u64 = id.as_str().parse().ok().filter(|number| *number < 1 << 60)?;
    (VenueOrderId::from_number(number) == id).then_some(number)
}

/// One side of one execution: the other side has the same trade id.
pub(super) fn entry_id(fill: &Fill) -> String {
    let side = match fill.liquidity {
        Liquidity::Maker => "m",
        Liquidity::Taker => "t",
    };
    named(&[fill.instrument.as_str(), fill.trade_id.as_str(), fill.venue_order_id.as_str(), side])
}

/// The wallet of one asset.
pub(super) fn wallet_id(account: AccountId, asset: Asset) -> String {
    named(&["wallet", account.as_str(), asset.as_str()])
}

/// The one portfolio that an account here is.
pub(super) fn portfolio_id(account: AccountId) -> String {
    named(&["portfolio", account.as_str()])
}

pub(super) fn user_id(account: AccountId) -> String {
    named(&["user", account.as_str()])
}

pub(super) fn asset_id(asset: Asset) -> String {
    named(&["asset", asset.as_str()])
}

/// Always the same for the same parts.
pub(super) fn named(parts: &[&str]) -> String {
    let bytes = || parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = |start: u64| {
        // FNV-1a.
        bytes()
            .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    uuid(hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4) >> 4)
}

/// A UUID of version 4 by its form, of 52 bits of one number and 60 of the other.
fn uuid(high: u64, low: u64) -> String {
    let low = low & 0x0fff_ffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_others_do_not() {
        for number in [0, 1, 0xabc, 1 << 48, (1 << 60) - 1] {
            let id = VenueOrderId::from_number(number);
            let text = order_id(id);
            assert_eq!((text.len(), parse_order_id(&text)), (36, Some(id)));
        }
        assert_eq!(
            order_id(VenueOrderId::from_number(4_098)),
            "0dde0000-0000-4000-8000-000000001002"
        );
        let own = VenueOrderId::new("mine").unwrap();
        assert_eq!(parse_order_id(&order_id(own)), Some(own));
        for text in ["", "12", "0DDE0000-0000-4000-8000-000000001002", &"x".repeat(41)] {
            let found = parse_order_id(text).and_then(number);
            assert_eq!(found, None, "{text}");
        }
    }

    #[test]
    fn names_tell_apart() {
        let account = |name| AccountId::new(name).unwrap();
        let all = [
            portfolio_id(account("a")),
            portfolio_id(account("b")),
            user_id(account("a")),
            wallet_id(account("a"), Asset::new("BTC").unwrap()),
            named(&["ab", "c"]),
            named(&["a", "bc"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!((one.len(), &one[14..15]), (36, "4"));
            assert!(!all[..at].contains(one));
        }
    }
}
