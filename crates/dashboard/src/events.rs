//! What is new, as a stream of events (Server-Sent Events): `now` is how the gateway is, each second; `tables` is
//! what the journal's tables say, whenever it has gone on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};

use crate::answer::{self, Answer};
use crate::live::Told;

/// How long one stream goes on before the browser opens the next one: who was logged out hears no more then.
const AGE_MAX: Duration = Duration::from_secs(600);
/// How soon a browser comes back, milliseconds.
const RETRY: &str = "retry: 1000\n\n";

struct Stream {
    now: Told,
    tables: Told,
    /// What is told without waiting for news.
    first: Vec<String>,
    end: Instant,
    _place: OwnedSemaphorePermit,
}

/// An answer that goes on until the browser closes it.
pub(crate) fn stream(now: Told, tables: Told, place: OwnedSemaphorePermit) -> Answer {
    let mut stream =
        Stream { now, tables, first: Vec::new(), end: Instant::now() + AGE_MAX, _place: place };
    let told = |name, told: &mut Told| event(name, &told.borrow_and_update());
    // The last one is told first.
    stream.first.extend(told("tables", &mut stream.tables));
    stream.first.extend(told("now", &mut stream.now));
    stream.first.push(RETRY.to_owned());
    let frames = unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), stream))
    });
    answer::of(StatusCode::OK, "text/event-stream", StreamBody::new(frames).boxed_unsync())
}

impl Stream {
    async fn next(&mut self) -> Option<String> {
        if let Some(text) = self.first.pop() {
            return Some(text);
        }
        loop {
            let (name, told) = tokio::select! {
                now = self.now.changed() => ("now", now.map(|()| self.now.borrow_and_update().clone())),
                tables = self.tables.changed() => {
                    ("tables", tables.map(|()| self.tables.borrow_and_update().clone()))
                }
                () = sleep_until(self.end) => return None,
            };
            if let Some(text) = event(name, &told.ok()?) {
                return Some(text);
            }
        }
    }
}

/// One event; nothing of what has not been looked at yet. JSON has no line's end in it.
fn event(name: &str, text: &Arc<str>) -> Option<String> {
    (!text.is_empty()).then(|| format!("event: {name}\ndata: {text}\n\n"))
}
