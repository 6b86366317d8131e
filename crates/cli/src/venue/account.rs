//! `--account 'KEY:SECRET:10000 USDT,1 BTC'`. What a secret is the dialect knows.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use model::{Amount, Asset};
use venues::{binance, coinbase};

/// An account of the simulated exchange, as given on the command line.
#[derive(Clone)]
pub(crate) struct AccountArg {
    pub(crate) api_key: String,
    /// A text, or what its file holds. Never printed.
    secret: String,
    pub(crate) balances: BTreeMap<Asset, Amount>,
}

impl AccountArg {
    /// A secret for HMAC, or an Ed25519 key in PEM.
    pub(crate) fn binance_key(&self) -> anyhow::Result<binance::sign::VerifyingKey> {
        let key = binance::sign::VerifyingKey::new(&self.secret);
        key.with_context(|| format!("account {}", self.api_key))
    }

    /// An EC or Ed25519 key in PEM, or an Ed25519 seed in base64.
    pub(crate) fn coinbase_key(&self) -> anyhow::Result<coinbase::sign::VerifyingKey> {
        let key = coinbase::sign::VerifyingKey::new(&self.secret);
        key.with_context(|| format!("account {}", self.api_key))
    }
}

impl fmt::Debug for AccountArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountArg({})", self.api_key)
    }
}

impl FromStr for AccountArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<AccountArg> {
        let form = "an account is written KEY:SECRET:BALANCES, such as 'k:s:10000 USDT,1 BTC'; the \
                    secret may be @FILE";
        // The secret may hold colons, the key and the balances may not.
        let (api_key, rest) = text.split_once(':').with_context(|| form)?;
        let (secret, balances) = rest.rsplit_once(':').with_context(|| form)?;
        if api_key.is_empty() {
            bail!("the key is empty: {form}");
        }
        let (api_key, secret) = (api_key.to_owned(), secret_text(secret)?);
        Ok(AccountArg { api_key, secret, balances: parse_balances(balances)? })
    }
}

fn secret_text(text: &str) -> anyhow::Result<String> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let secret = std::fs::read_to_string(Path::new(file))
        .with_context(|| format!("secret file {file} cannot be read"))?;
    Ok(secret.trim().to_owned())
}

fn parse_balances(text: &str) -> anyhow::Result<BTreeMap<Asset, Amount>> {
    let mut balances = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (amount, asset) = part.split_once(' ').with_context(|| {
            format!("{part:?} is no balance; write an amount and an asset: 1 BTC")
        })?;
        let amount: Amount =
            amount.parse().map_err(|error| anyhow!("{amount:?} is no amount: {error}"))?;
        if amount < Amount::ZERO {
            bail!("{part:?}: a balance cannot be below zero");
        }
        let asset: Asset = asset.trim().parse().map_err(|error| anyhow!("{asset:?}: {error}"))?;
        balances.insert(asset, amount);
    }
    Ok(balances)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_key_a_secret_and_balances() {
        let account: AccountArg = "key:se:cret:10000 USDT, 1.5 BTC".parse().unwrap();
        assert_eq!(account.api_key, "key");
        let btc = Asset::new("BTC").unwrap();
        assert_eq!(account.balances[&btc], "1.5".parse().unwrap());
        let signature = venues::binance::sign::SigningKey::new("se:cret").unwrap().sign(b"x");
        assert!(account.binance_key().unwrap().verify(b"x", &signature));
        assert!(!format!("{account:?}").contains("cret"));
    }

    #[test]
    fn what_a_secret_is_depends_on_the_dialect() {
        let name = "organizations/o/apiKeys/k";
        let seed = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
        let account: AccountArg = format!("{name}:{seed}:1 USD").parse().unwrap();
        assert_eq!(account.api_key, name);
        assert!(account.coinbase_key().is_ok() && account.binance_key().is_ok());
        let account: AccountArg = "key:secret:1 USD".parse().unwrap();
        let error = format!("{:#}", account.coinbase_key().unwrap_err());
        assert!(error.contains("account key") && error.contains("PEM"), "{error}");
        let account: AccountArg = "key::1 BTC".parse().unwrap();
        let error = format!("{:#}", account.binance_key().unwrap_err());
        assert!(error.contains("secret is empty"), "{error}");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, expected) in [
            ("key", "KEY:SECRET:BALANCES"),
            ("key:secret", "KEY:SECRET:BALANCES"),
            (":secret:1 BTC", "the key is empty"),
            ("key:secret:1BTC", "write an amount and an asset"),
            ("key:secret:x BTC", "is no amount"),
            ("key:secret:-1 BTC", "below zero"),
            ("key:@/no/such/file:1 BTC", "cannot be read"),
        ] {
            let error = format!("{:#}", text.parse::<AccountArg>().unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
