//! Bodies of answers: whole ones, and ones that break on the way.

use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};

use super::wire::Ending;

/// Between the last bytes that are sent and the break, so that they do arrive.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes that drip come at least this far apart.
const DRIP_MIN: Duration = Duration::from_millis(10);

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection cut on purpose")]
pub(super) struct Cut;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Cut>;

/// All of it.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Half of it, then the end of the connection: as it was told to, or by a reset.
pub(super) fn half(bytes: Vec<u8>, reset: Option<Ending>) -> Body {
    let mut half = Bytes::from(bytes);
    half.truncate(half.len() / 2);
    StreamBody::new(stream::unfold(Some(half), move |part| {
        let reset = reset.clone();
        async move {
            if let Some(half) = part {
                return Some((Ok(Frame::data(half)), None));
            }
            tokio::time::sleep(PAUSE).await;
            if let Some(ending) = reset {
                ending.reset();
            }
            Some((Err(Cut), None))
        }
    }))
    .boxed_unsync()
}

/// So many bytes a second.
pub(super) fn drip(bytes: Vec<u8>, bytes_per_s: u32) -> Body {
    let one = Duration::from_secs(1) / bytes_per_s;
    let (size, pause) = if one >= DRIP_MIN {
        (1, one)
    } else {
        let each = DRIP_MIN.as_nanos() / one.as_nanos().max(1);
        (usize::try_from(each).unwrap_or(1).max(1), DRIP_MIN)
    };
    StreamBody::new(stream::unfold(Bytes::from(bytes), move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let part = left.split_to(size.min(left.len()));
        Some((Ok(Frame::data(part)), left))
    }))
    .boxed_unsync()
}
