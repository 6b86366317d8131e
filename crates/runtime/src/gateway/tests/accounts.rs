//! Accounts that hold more than one answer tells.

use std::collections::BTreeMap;

use model::venue::{AccountRequest, Request, Response};
use model::{Asset, Outcome};
use tokio::sync::mpsc;

use super::stage::{rest, venue};
use crate::config::VenueKind;

/// Coinbase tells 250 wallets in one answer: four pages are read, and are one account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_wallets_are_read_to_the_end() {
    // Another test of this process may have done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let venue = venue(VenueKind::of(&venues::coinbase::VENUE), 998).await;
    let (base, directory) = (format!("http://{}", venue.addr), tempfile::tempdir().unwrap());
    let (nowhere, _) = mpsc::channel(1);
    let ours =
        rest(VenueKind::of(&venues::coinbase::VENUE), &base, "key", directory.path(), nowhere)
            .await;
    let outcome = ours.ask(&Request::Account(AccountRequest::Account)).await;
    let Outcome::Done(Response::Account(account)) = outcome else { panic!("{outcome:?}") };
    let totals: BTreeMap<Asset, String> = account
        .balances
        .iter()
        .map(|(asset, held)| (*asset, held.total().unwrap().to_string()))
        .collect();
    assert_eq!(totals.len(), 1_000);
    let held = |name: &str| totals[&Asset::new(name).unwrap()].as_str();
    assert_eq!((held("USD"), held("BTC")), ("1000000", "1000"));
    assert!((0..998).all(|i| held(&format!("X{i}")) == "1"));
    venue.stop().await;
}
