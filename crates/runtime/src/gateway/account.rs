//! The connection that carries the account's events. There is no replay of what is missed while it
//! is down; the core reads the venue's books each time it comes up.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use model::{Input, Link, Timestamp};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use venues::binance::client::{AccountMessage, decode_account, subscribe_account};

use super::backoff::Backoff;
use super::rest::Rest;
use super::socket;
use crate::clock;

/// An account may be quiet for hours, so silence is judged by the venue's pings, one in 20 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(65);
/// The venue ends connections after 24 hours; we do it at a time of our own, before.
const AGE_MAX: Duration = Duration::from_secs(23 * 3_600 + 1_800);
/// Number of the request to subscribe.
const SUBSCRIBE_ID: u64 = 1;

/// Runs until nobody listens any more; it is ended by ending its task.
pub(super) async fn run(url: String, rest: Rest, inputs: mpsc::Sender<Input>) {
    let mut backoff = Backoff::default();
    loop {
        let session = one_session(&url, &rest, &inputs, &mut backoff);
        let end = session.await;
        let mut pause = backoff.pause();
        if let Some(at) = end.retry_at {
            // The venue's limit holds every caller.
            let wait = at.since(rest.venue_now());
            pause = pause.max(wait);
            rest.hold(wait, end.cause.clone()).await;
        }
        tracing::warn!(cause = %end.cause, pause_ms = pause.as_millis(), "account stream is down");
        let down = Input::Link { link: Link::Account, up: false, cause: end.cause };
        if inputs.send(down).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Why a connection ended.
struct End {
    cause: String,
    retry_at: Option<Timestamp>,
}

impl From<String> for End {
    fn from(cause: String) -> End {
        End { cause, retry_at: None }
    }
}

async fn one_session(
    url: &str,
    rest: &Rest,
    inputs: &mpsc::Sender<Input>,
    backoff: &mut Backoff,
) -> End {
    let mut socket = match socket::connect(url).await {
        Ok(socket) => socket,
        Err(error) => return error.into(),
    };
    let subscribe = subscribe_account(rest.credentials(), rest.venue_now(), SUBSCRIBE_ID);
    if let Err(error) = socket.send(Message::text(subscribe)).await {
        return error.to_string().into();
    }
    let end_at = clock::now().after(AGE_MAX);
    loop {
        let text = match tokio::time::timeout(SILENCE_MAX, socket.next()).await {
            Err(_) => return format!("nothing came for {SILENCE_MAX:?}").into(),
            Ok(None | Some(Ok(Message::Close(_)))) => {
                return "the venue closed the connection".to_owned().into();
            }
            Ok(Some(Err(error))) => return error.to_string().into(),
            Ok(Some(Ok(Message::Text(text)))) => text,
            Ok(Some(Ok(_))) if clock::now() > end_at => {
                return "planned reconnect before the venue's own".to_owned().into();
            }
            Ok(Some(Ok(_))) => continue,
        };
        let input = match decode_account(&text, rest.symbols()) {
            Ok(AccountMessage::Event(event)) => Input::Account(event),
            Ok(AccountMessage::Subscribed) => {
                backoff.connected();
                let cause = "subscribed".to_owned();
                Input::Link { link: Link::Account, up: true, cause }
            }
            Ok(AccountMessage::Refused { status, detail, retry_at }) => {
                return End { cause: format!("refused with status {status}: {detail}"), retry_at };
            }
            Ok(AccountMessage::Terminated) => {
                return "the venue ended the subscription".to_owned().into();
            }
            Ok(AccountMessage::Other) => continue,
            // It may have been an execution: come back and read the venue's books.
            Err(error) => return format!("an event cannot be read: {error}").into(),
        };
        if inputs.send(input).await.is_err() {
            return "the gateway ended".to_owned().into();
        }
    }
}
