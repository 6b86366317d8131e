//! What left the spot account by its owner's will: withdrawals, and transfers into its other wallets.
//!
//! Source: wallet docs, "Withdraw History (supporting network)" and "Query User Universal Transfer History",
//! read 2026-11-30. Both are `USER_DATA`: a key that may only look may ask, and no key that may only trade can
//! make one. The first costs 18 000 of 180 000 a minute and account, the second 1 a type; both are counted
//! apart from `/api`. Transfers between the accounts of a master are in neither.

use reqwest::Method;
use serde::Deserialize;

use super::super::budget::Purpose;
use super::super::error::VenueError;
use super::super::http::read;
use super::Binance;
use crate::amount::Amount;
use crate::core::words::Transfer;

/// From the spot wallet into others of the same account.
const OUT_OF_SPOT: [&str; 4] = ["MAIN_FUNDING", "MAIN_UMFUTURE", "MAIN_CMFUTURE", "MAIN_MARGIN"];
/// Withdrawals from the spot wallet.
const SPOT: u8 = 0;
const PAGE: usize = 100;
/// The history is asked no further back, ms: it answers for 90 days.
const BACK_MAX_MS: i64 = 80 * 86_400_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Withdrawal {
    id: String,
    amount: Amount,
    #[serde(default)]
    transaction_fee: Amount,
    coin: String,
    apply_time: String,
    #[serde(default)]
    wallet_type: u8,
}

#[derive(Deserialize)]
struct Moves {
    #[serde(default)]
    rows: Vec<Move>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    asset: String,
    amount: Amount,
    status: String,
    tran_id: u64,
    timestamp: i64,
}

impl Binance {
    /// Everything since a time. An exchange that refuses to tell, as a simulated one does, has no history: what
    /// only that could explain is not explained.
    pub(crate) async fn transfers(&self, since_ms: i64) -> Result<Vec<Transfer>, VenueError> {
        let since_ms = since_ms.max(self.http.venue_ms() - BACK_MAX_MS);
        // Times of withdrawals are told in whole seconds.
        let query = format!("startTime={}", since_ms - 1_000);
        let mut found = Vec::new();
        let path = "/sapi/v1/capital/withdraw/history";
        if let Some(rows) = self.told::<Vec<Withdrawal>>(path, &query).await? {
            let rows = rows.into_iter().filter(|row| row.wallet_type == SPOT);
            found.extend(rows.filter_map(Withdrawal::transfer));
        }
        for kind in OUT_OF_SPOT {
            let query = format!("type={kind}&{query}&size={PAGE}");
            let Some(moves) = self.told::<Moves>("/sapi/v1/asset/transfer", &query).await? else {
                continue;
            };
            let rows = moves.rows.into_iter().filter(|row| row.status != "FAILED");
            found.extend(rows.map(|row| Transfer {
                id: format!("{kind} {}", row.tran_id),
                asset: row.asset,
                amount: row.amount,
                at_ms: row.timestamp,
            }));
        }
        Ok(found)
    }

    /// `None` where the exchange refuses to tell.
    async fn told<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Option<T>, VenueError> {
        let answer = self.signed(Method::GET, path, query, 1, Purpose::Explain).await?;
        match read::<T>("transfers", &answer) {
            Ok(told) => Ok(Some(told)),
            Err(problem @ VenueError::Refused { status: 400..500, .. }) => {
                tracing::warn!(%problem, path, "the exchange does not tell its transfers");
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }
}

impl Withdrawal {
    /// `None` where it cannot be understood: then it explains nothing.
    fn transfer(self) -> Option<Transfer> {
        let amount = self.amount.checked_add(self.transaction_fee)?;
        let at_ms = end_of_second(&self.apply_time)?;
        Some(Transfer { id: self.id, asset: self.coin, amount, at_ms })
    }
}

/// The last millisecond of `2019-10-12 11:12:02`, UTC.
fn end_of_second(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let numbers = |text: &str, sign: char| -> Option<[i64; 3]> {
        let parts: Vec<i64> = text.split(sign).map(str::parse).collect::<Result<_, _>>().ok()?;
        parts.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?, numbers(time, ':')?);
    if !(1_970..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days from civil: years that begin in March, so that the odd day is the last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    let seconds = (days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + 999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawal_is_what_it_took_with_its_fee() {
        // The example of the page, with the spot wallet in it.
        let text = r#"[{"id":"b6ae22b3aa844210a7041aee7589627c","amount":"8.91000000",
            "transactionFee":"0.004","coin":"USDT","status":6,"address":"0x94","txId":"0xb5",
            "applyTime":"2019-10-12 11:12:02","network":"ETH","transferType":0,"walletType":0}]"#;
        let rows: Vec<Withdrawal> = serde_json::from_str(text).unwrap();
        let found: Vec<Transfer> = rows.into_iter().filter_map(Withdrawal::transfer).collect();
        let expected = Transfer {
            id: "b6ae22b3aa844210a7041aee7589627c".into(),
            asset: "USDT".into(),
            amount: Amount::parse("8.914").unwrap(),
            at_ms: 1_570_878_722_999,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn moves_into_other_wallets() {
        let text = r#"{"total":1,"rows":[{"asset":"USDT","amount":"1","type":"MAIN_UMFUTURE",
            "status":"CONFIRMED","tranId":11415955596,"timestamp":1544433328000}]}"#;
        let moves: Moves = serde_json::from_str(text).unwrap();
        assert_eq!(
            (moves.rows[0].tran_id, moves.rows[0].timestamp),
            (11_415_955_596, 1_544_433_328_000)
        );
        assert!(serde_json::from_str::<Moves>(r#"{"total":0}"#).unwrap().rows.is_empty());
    }

    #[test]
    fn times() {
        for (text, ms) in [
            ("1970-01-01 00:00:00", Some(999)),
            ("2000-02-29 23:59:59", Some(951_868_799_999)),
            ("2024-03-01 00:00:00", Some(1_709_251_200_999)),
            ("2026-11-30 19:27:45", Some(1_796_066_865_999)),
            ("2026-11-30", None),
            ("2026-11-30 19:27", None),
            ("2026-13-30 19:27:45", None),
            ("soon", None),
        ] {
            assert_eq!(end_of_second(text), ms, "{text}");
        }
    }
}
