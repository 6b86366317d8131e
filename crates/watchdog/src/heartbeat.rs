//! The port on which the gateway beats. The protocol is in `docs/watchdog.md`.
//!
//! Every connection has a nonce of its own, drawn here, and every line in both directions is signed with a
//! key made of the shared token and that nonce: nothing of one connection is good on another, and the
//! number of a line has to grow, so nothing is good twice. A line that fails ends its connection, is counted
//! and told. Lines, connections and waits have bounds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::amount::Amount;
use crate::chance;
use crate::core::effect::Input;
use crate::core::offer::same;
use crate::core::status::Answer;
use crate::core::words::Beat;
use crate::guests::{Guest, Guests, KNOWN_WITHIN};
use crate::shell::{Message, Tell};
use crate::venue::sign::{hex, hmac};

/// Longest line, bytes.
const LINE_MAX: u64 = 4_096;
/// A connection without a line for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// After something forged the connection is closed so much later.
const FORGED_PAUSE: Duration = Duration::from_millis(200);
/// Longest text of the gateway's state that is kept.
const STATE_MAX: usize = 32;
/// What separates a line from its signature.
const MAC: &str = ",\"mac\":\"";

/// The key of one connection.
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn new(token: &str, nonce: &str) -> Key {
        Key(hmac(token.as_bytes(), nonce.as_bytes()))
    }

    /// The line with its signature: `body` is a JSON object.
    pub(crate) fn signed(&self, body: &str) -> String {
        let open = body.strip_suffix('}').unwrap_or(body);
        format!("{open}{MAC}{}\"}}\n", hex(&hmac(&self.0, body.as_bytes())))
    }

    /// The line without its signature, if that is good.
    pub(crate) fn checked(&self, line: &str) -> Option<String> {
        let (open, mac) = line.trim_end().rsplit_once(MAC)?;
        let body = format!("{open}}}");
        let expected = hex(&hmac(&self.0, body.as_bytes()));
        same(&expected, mac.strip_suffix("\"}")?).then_some(body)
    }
}

#[derive(Deserialize)]
struct Line {
    v: u32,
    n: u64,
    session: u64,
    state: String,
    open_orders: u64,
    #[serde(default)]
    in_doubt: u64,
    equity: Option<Amount>,
    progress: u64,
}

/// Takes connections for ever.
pub(crate) async fn serve(listener: TcpListener, token: Arc<str>, tell: Tell) {
    let guests = Guests::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (token, tell) = (Arc::clone(&token), tell.clone());
                guests.admit(|guest| async move {
                    if let Err(problem) = converse(stream, peer, &token, &tell, &guest).await {
                        tracing::debug!(%peer, %problem, "a heartbeat's connection has ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a heartbeat's connection could not be accepted");
                tokio::time::sleep(FORGED_PAUSE).await;
            }
        }
    }
}

async fn converse(
    mut stream: TcpStream,
    peer: SocketAddr,
    token: &str,
    tell: &Tell,
    guest: &Guest,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let nonce = hex(&chance::bytes::<16>());
    let key = Key::new(token, &nonce);
    let (read, mut write) = stream.split();
    write.write_all(format!("{{\"v\":1,\"hello\":\"{nonce}\"}}\n").as_bytes()).await?;
    let mut read = BufReader::new(read);
    let mut last = 0;
    loop {
        let mut bytes = Vec::new();
        let reading = (&mut read).take(LINE_MAX);
        let mut reading = reading;
        let within = if last == 0 { KNOWN_WITHIN } else { IDLE_MAX };
        let read = tokio::time::timeout(within, reading.read_until(b'\n', &mut bytes)).await??;
        if read == 0 {
            return Ok(());
        }
        let line = match judge(&bytes, &key, last) {
            Ok(line) => line,
            Err(problem) => {
                let what = format!("heartbeat from {}: {problem}", peer.ip());
                drop(tell.send(Message::Input(Input::Refused(what))).await);
                tokio::time::sleep(FORGED_PAUSE).await;
                return Ok(());
            }
        };
        last = line.n;
        guest.is_known();
        let beat = Beat {
            session: line.session,
            progress: line.progress,
            state: line.state.chars().take(STATE_MAX).collect(),
            open_orders: line.open_orders,
            in_doubt: line.in_doubt,
            equity: line.equity,
        };
        let (answer, answered) = oneshot::channel();
        drop(tell.send(Message::Beat(beat, answer)).await);
        let Ok(answer) = answered.await else { return Ok(()) };
        write.write_all(key.signed(&said(last, &answer)).as_bytes()).await?;
    }
}

fn judge(bytes: &[u8], key: &Key, last: u64) -> Result<Line, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not text")?;
    if !text.ends_with('\n') {
        return Err("a line that does not end");
    }
    let body = key.checked(text).ok_or("its signature is wrong")?;
    let line: Line = serde_json::from_str(&body).map_err(|_| "signed, and not of the form")?;
    if line.v != 1 {
        return Err("of another version");
    }
    if line.n <= last {
        return Err("its number does not grow: a line that was sent before");
    }
    Ok(line)
}

fn said(n: u64, answer: &Answer) -> String {
    let Answer { lease_ms, halted, cause, equity, watching } = answer;
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let equity = equity.map_or("null".to_owned(), |equity| format!("\"{equity}\""));
    let cause = text(cause);
    format!(
        "{{\"v\":1,\"n\":{n},\"lease_ms\":{lease_ms},\"halted\":{halted},\"cause\":{cause},\
         \"equity\":{equity},\"watching\":{watching}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: &str = r#"{"v":1,"n":7,"session":3,"at_ms":1767225600000,"state":"active","cause":"","open_orders":3,"equity":"10012.5","progress":41}"#;

    fn key() -> Key {
        Key::new("madeUpTokenForTests", "000102030405060708090a0b0c0d0e0f")
    }

    /// The vector of `docs/watchdog.md`, for whoever writes the other side.
    #[test]
    fn the_vector_of_the_protocol() {
        let line = key().signed(BEAT);
        let page = include_str!("../../../docs/watchdog.md");
        assert!(page.contains(line.trim_end()), "{line}");
        assert!(page.contains(&hex(&key().0)), "{}", hex(&key().0));
        assert_eq!(judge(line.as_bytes(), &key(), 6).map(|line| line.progress), Ok(41));
    }

    #[test]
    fn what_is_forged_or_replayed_is_refused() {
        let line = key().signed(BEAT);
        let refused = |line: &str, last| judge(line.as_bytes(), &key(), last).err();
        assert_eq!(refused(&line, 6), None);
        assert!(refused(&line, 7).unwrap().contains("sent before"));
        let other = Key::new("madeUpTokenForTests", "another nonce").signed(BEAT);
        assert!(refused(&other, 0).unwrap().contains("signature"));
        assert!(
            refused(&line.replace("\"active\"", "\"halted\""), 0).unwrap().contains("signature")
        );
        assert!(refused(&line.replace("\"mac\"", "\"mad\""), 0).unwrap().contains("signature"));
        assert!(refused(line.trim_end(), 0).unwrap().contains("does not end"));
        assert!(refused(&key().signed("{\"v\":1}"), 0).unwrap().contains("form"));
        assert!(refused(&key().signed(&BEAT.replace("\"v\":1", "\"v\":2")), 0).is_some());
    }

    #[test]
    fn an_answer_is_json_whatever_the_cause_is() {
        let cause = "a \"quoted\"\nline".to_owned();
        let answer = Answer { lease_ms: 0, halted: true, cause, equity: None, watching: false };
        let line = key().signed(&said(9, &answer));
        assert_eq!(line.matches('\n').count(), 1);
        let body: serde_json::Value = serde_json::from_str(&key().checked(&line).unwrap()).unwrap();
        assert_eq!((&body["n"], &body["halted"]), (&9.into(), &true.into()));
    }
}
