//! Opens WebSocket connections.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Time for a connection to come up.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Largest message that is read, bytes.
const MESSAGE_MAX: usize = 16 << 20;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSocket {
    /// The venue answered with something else than a connection: it may have said stop.
    #[error("refused with status {}", _0.status())]
    Refused(Box<Response<Option<Vec<u8>>>>),
    /// The venue did not answer.
    #[error("{0}")]
    Failed(String),
}

/// Connects, or says why not.
pub(super) async fn connect(url: &str) -> Result<Socket, NoSocket> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let connecting = tokio_tungstenite::connect_async_with_config(url, Some(config), true);
    match tokio::time::timeout(CONNECT_MAX, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(answer))) => Err(NoSocket::Refused(answer)),
        Ok(Err(error)) => Err(NoSocket::Failed(error.to_string())),
        Err(_) => Err(NoSocket::Failed(format!("no answer within {CONNECT_MAX:?}"))),
    }
}
