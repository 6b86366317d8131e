//! What a key of a simulated exchange may do: the same words at every venue, told in each venue's own.

use std::str::FromStr;

use model::Timestamp;

/// Rights of a key. Unless told otherwise it looks and trades, from named addresses alone, and moves no
/// funds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// Look.
    pub view: bool,
    /// Place and cancel.
    pub trade: bool,
    /// Send funds away. Nothing here does; it is only told.
    pub withdraw: bool,
    /// Move funds to other accounts. Only told, too.
    pub transfer: bool,
    /// Borrow and trade derivatives. Only told, too.
    pub leverage: bool,
    /// Taken from named addresses only, which are all that ask.
    pub ip_bound: bool,
    /// When the right to trade ends.
    pub trades_until: Option<Timestamp>,
}

impl Default for Scopes {
    fn default() -> Scopes {
        Scopes {
            view: true,
            trade: true,
            withdraw: false,
            transfer: false,
            leverage: false,
            ip_bound: true,
            trades_until: None,
        }
    }
}

impl Scopes {
    /// May it place and cancel orders now?
    pub fn may_trade(&self, now: Timestamp) -> bool {
        self.trade && self.trades_until.is_none_or(|until| now < until)
    }
}

/// A word that names no right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not one of view, trade, withdraw, transfer, leverage, no-ip, until=MILLISECONDS; write the \
     rights that the key has, joined by commas: trade,withdraw"
)]
pub struct ScopesError(String);

/// `trade,withdraw,no-ip`: what is not named is not there, but looking and the binding to addresses.
impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Scopes, ScopesError> {
        let mut scopes = Scopes { trade: false, ..Scopes::default() };
        for word in text.split(',').map(str::trim) {
            match word.split_once('=') {
                None if word == "view" => {}
                None if word == "trade" => scopes.trade = true,
                None if word == "withdraw" => scopes.withdraw = true,
                None if word == "transfer" => scopes.transfer = true,
                None if word == "leverage" => scopes.leverage = true,
                None if word == "no-ip" => scopes.ip_bound = false,
                Some(("until", at)) => {
                    let at = at.parse().ok().and_then(Timestamp::from_millis);
                    scopes.trades_until = Some(at.ok_or_else(|| ScopesError(word.to_owned()))?);
                }
                None | Some(_) => return Err(ScopesError(word.to_owned())),
            }
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_those_that_are_named() {
        let read = |text: &str| text.parse::<Scopes>();
        assert_eq!(read("trade"), Ok(Scopes::default()));
        assert_eq!(read("view"), Ok(Scopes { trade: false, ..Scopes::default() }));
        let all = Scopes {
            withdraw: true,
            transfer: true,
            leverage: true,
            ip_bound: false,
            ..Scopes::default()
        };
        assert_eq!(read("trade, withdraw,transfer,leverage,no-ip"), Ok(all));
        for wrong in ["", "trade,", "all", "trade=1", "until=soon", "no-ip=1"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_right_to_trade_ends_when_it_says() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let scopes: Scopes = "trade,until=1000".parse().unwrap();
        assert!(scopes.may_trade(at(999)) && !scopes.may_trade(at(1_000)));
        assert!(Scopes::default().may_trade(at(i64::from(u32::MAX))));
        assert!(!"view,until=1000".parse::<Scopes>().unwrap().may_trade(at(1)));
    }
}
