//! One WebSocket connection.

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use venues::server::{ConnId, Payload};

use super::sockets::{Door, Opened};
use super::world::Shared;

/// Largest message that a client may send.
const MESSAGE_MAX: usize = 64 * 1024;

/// Runs a connection until either side, or a fault, ends it.
pub(super) async fn run(upgraded: Upgraded, conn: ConnId, opened: Opened, shared: &Shared) {
    let Opened { mut outgoing, mut door } = opened;
    let mut cut = shared.cut.subscribe();
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let stream =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut sink, mut stream) = stream.split();
    loop {
        let Door::Open(gate) = *door.borrow_and_update() else { return };
        tokio::select! {
            _ = cut.changed() => return,
            changed = door.changed() => if changed.is_err() {
                // Cut off for being too slow.
                return;
            },
            // Reading answers pings, so where nothing may go out nothing is read either.
            message = stream.next(), if gate.reads && gate.writes => match message {
                Some(Ok(Message::Text(text))) => shared.world().text(conn, text.as_str()),
                // The library has answered it already.
                Some(Ok(Message::Ping(_))) => {
                    shared.world().control(conn, false);
                    if sink.flush().await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Pong(_))) => shared.world().control(conn, true),
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    // The library answers the close frame when it is flushed.
                    let _ = sink.flush().await;
                    return;
                }
            },
            payload = outgoing.recv(), if gate.writes => {
                let Some(payload) = payload else { return };
                if !send(&mut sink, payload).await {
                    return;
                }
            }
        }
    }
}

/// Writes a payload; `false` when that was the end of the connection.
async fn send(sink: &mut (impl SinkExt<Message> + Unpin), payload: Payload) -> bool {
    let message = match payload {
        Payload::Text(text) => Message::text(&*text),
        Payload::Ping(bytes) => Message::Ping(bytes.into()),
        Payload::Close(code, reason) => {
            let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
            let _ = sink.send(Message::Close(Some(frame))).await;
            return false;
        }
    };
    sink.send(message).await.is_ok()
}
