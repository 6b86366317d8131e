//! The port: who is let in, and how long a connection may take.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::Settings;
use crate::answer::Answer;
use crate::asking::Asking;
use crate::guard::{AccessError, Guard};
use crate::live::Live;
use crate::route::{self, Shared};

/// Connections at a time; one more is closed.
const CONNECTIONS_MAX: usize = 128;
/// Browsers that listen at a time.
const LISTENERS_MAX: usize = 32;
/// A browser that has not sent its header by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a connection could not be taken, as when there are no more files.
const PAUSE: Duration = Duration::from_millis(100);

/// A dashboard that is ready to be opened.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// Why a dashboard cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Not this way.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The system refuses.
    #[error("the dashboard cannot be opened: {0}")]
    System(#[from] std::io::Error),
}

/// Prepares a dashboard on this port; its threads begin to read.
pub fn serve(
    listener: TcpListener,
    access: crate::Access,
    settings: Settings,
) -> Result<Server, ServeError> {
    let guard = Guard::new(listener.local_addr()?, access)?;
    let Settings { journal, directory, about, watch, halt } = settings;
    let live = Live::start(watch)?;
    let asking = Asking::start(journal, directory)?;
    let places = Arc::new(Semaphore::new(LISTENERS_MAX));
    let shared = Arc::new(Shared { guard, about, live, asking, halt, places });
    Ok(Server { listener, shared })
}

impl Server {
    /// Answers until this is dropped.
    pub async fn run(self) {
        let Server { listener, shared } = self;
        answer_all(listener, CONNECTIONS_MAX, move |request| {
            let shared = Arc::clone(&shared);
            async move { route::answer(request, &shared).await }
        })
        .await;
    }
}

/// Answers every request on this port for ever, so many connections at a time; one more is closed.
pub async fn answer_all<F, Told>(listener: TcpListener, connections_max: usize, answer: F)
where
    F: Fn(Request<Incoming>) -> Told + Clone + Send + Sync + 'static,
    Told: Future<Output = Answer> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections_max));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let answer = answer.clone();
        tokio::spawn(async move {
            connection(stream, answer).await;
            drop(place);
        });
    }
}

async fn connection<F, Told>(stream: TcpStream, answer: F)
where
    F: Fn(Request<Incoming>) -> Told,
    Told: Future<Output = Answer>,
{
    // News must not wait for more; a socket that refuses is merely slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let told = answer(request);
        async move { Ok::<_, Infallible>(told.await) }
    });
    // However a browser ends its connection, there is nothing to be done about it.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
