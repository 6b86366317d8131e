//! `--account 'KEY:SECRET:10000 USDT,1 BTC'`. What a secret is the dialect knows.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use model::{AccountId, Amount, Asset};
use venues::ServerKey;
use venues::server::Scopes;

/// An account of the simulated exchange, as given on the command line.
#[derive(Clone)]
pub(crate) struct AccountArg {
    pub(crate) api_key: String,
    /// A text, or what its file holds. Never printed.
    secret: String,
    pub(crate) balances: BTreeMap<Asset, Amount>,
}

impl AccountArg {
    /// The key that a simulated exchange lets into this account.
    pub(crate) fn key(&self, account: AccountId, scopes: Scopes) -> ServerKey<'_> {
        ServerKey { name: &self.api_key, secret: &self.secret, account, scopes }
    }
}

impl fmt::Debug for AccountArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountArg({})", self.api_key)
    }
}

/// As an argument. A message about it must not repeat it, as clap's own would: it holds a secret.
#[derive(Clone)]
pub(crate) struct AccountParser;

impl ValueParserFactory for AccountArg {
    type Parser = AccountParser;

    fn value_parser() -> AccountParser {
        AccountParser
    }
}

impl TypedValueParser for AccountParser {
    type Value = AccountArg;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<AccountArg, clap::Error> {
        let account = value.to_str().context("it is not UTF-8").and_then(str::parse);
        account.map_err(|error| {
            let message = format!("invalid value for '--account <ACCOUNT>': {error:#}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Two accounts with one key would be told apart by nobody.
pub(crate) fn check_keys(accounts: &[AccountArg]) -> anyhow::Result<()> {
    let mut keys = BTreeSet::new();
    match accounts.iter().find(|account| !keys.insert(&account.api_key)) {
        Some(twice) => bail!("--account {}: this key is given twice", twice.api_key),
        None => Ok(()),
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
    let secret = secret.trim();
    // An HMAC secret is one word.
    if secret.contains(char::is_whitespace) && !secret.contains("-----BEGIN") {
        bail!("secret file {file} holds several words and is no key in PEM");
    }
    Ok(secret.to_owned())
}

/// Says which one is wrong by its number: with the parts in another order it may be the secret.
pub(crate) fn parse_balances(text: &str) -> anyhow::Result<BTreeMap<Asset, Amount>> {
    let mut balances = BTreeMap::new();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    for (number, part) in (1..).zip(parts) {
        let (amount, asset) = part.split_once(' ').with_context(|| {
            format!("balance {number}: write an amount and an asset, such as 1 BTC")
        })?;
        let amount: Amount = amount
            .parse()
            .map_err(|error| anyhow!("balance {number}: the amount is no number: {error}"))?;
        if amount < Amount::ZERO {
            bail!("balance {number}: it cannot be below zero");
        }
        let asset: Asset = asset
            .trim()
            .parse()
            .map_err(|error| anyhow!("balance {number}: the asset is none: {error}"))?;
        if balances.insert(asset, amount).is_some() {
            bail!("{asset} is given twice");
        }
    }
    Ok(balances)
}

#[cfg(test)]
mod tests {
    use model::Decimal;
    use model::venue::FeeRates;
    use venues::Settings;

    use super::*;

    #[test]
    fn an_account_has_a_key_a_secret_and_balances() {
        let account: AccountArg = "key:se:cret:10000 USDT, 1.5 BTC".parse().unwrap();
        assert_eq!(account.api_key, "key");
        let btc = Asset::new("BTC").unwrap();
        assert_eq!(account.balances[&btc], "1.5".parse().unwrap());
        assert_eq!(account.secret, "se:cret");
        assert!(!format!("{account:?}").contains("cret"));
    }

    /// What the venue of this name says of an account's key.
    fn refused(dialect: &str, account: &str) -> Option<String> {
        let account: AccountArg = account.parse().unwrap();
        let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
        let key = account.key(AccountId::new("account-1").unwrap(), Scopes::default());
        let open = venues::named(dialect).unwrap().server;
        open(&Settings::usual(fees), Vec::new(), &[key]).err().map(|error| error.to_string())
    }

    #[test]
    fn what_a_secret_is_depends_on_the_dialect() {
        let name = "organizations/o/apiKeys/k";
        let seed = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
        for venue in venues::VENUES {
            assert_eq!(refused(venue.dialect, &format!("{name}:{seed}:1 USD")), None);
        }
        let error = refused("coinbase", "key:secret:1 USD").unwrap();
        assert!(error.contains("account key") && error.contains("PEM"), "{error}");
        let error = refused("binance", "key::1 BTC").unwrap();
        assert!(error.contains("secret is empty"), "{error}");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, expected) in [
            ("key", "KEY:SECRET:BALANCES"),
            ("key:secret", "KEY:SECRET:BALANCES"),
            (":secret:1 BTC", "the key is empty"),
            ("key:secret:1BTC", "write an amount and an asset"),
            ("key:secret:x BTC", "the amount is no number"),
            ("key:secret:-1 BTC", "below zero"),
            ("key:1 BTC:secret", "balance 1: write an amount"),
            ("key:secret:1 BTC,2 BTC", "BTC is given twice"),
            ("key:@/no/such/file:1 BTC", "cannot be read"),
            ("key:@/proc/self/status:1 BTC", "no key in PEM"),
        ] {
            let error = format!("{:#}", text.parse::<AccountArg>().unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("secret:") && !error.contains("\"secret\""), "{text}: {error}");
        }
    }
}
