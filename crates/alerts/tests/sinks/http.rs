//! A server on loopback that takes posts, or fails as it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// What it does with the next post.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    Take,
    /// Never answers.
    Hang,
    /// This status, with this `Retry-After` and body.
    Answer(u16, Option<u64>, String),
    /// This status where the body holds this text.
    RefuseWith(u16, String),
}

/// One post as it came.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) signature: Option<String>,
    pub(crate) text: String,
    pub(crate) json: Value,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    mode: Mode,
    came: Vec<Post>,
}

impl Server {
    pub(crate) async fn start(mode: Mode) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared { mode, came: Vec::new() }));
        let server = Server { addr, shared };
        let accepts = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = accepts.clone();
                let answer = service_fn(move |request| server.clone().answer(request));
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move { drop(served.await) });
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn becomes(&self, mode: Mode) {
        self.shared.lock().unwrap().mode = mode;
    }

    /// All posts so far, whatever was answered.
    pub(crate) fn came(&self) -> Vec<Post> {
        self.shared.lock().unwrap().came.clone()
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        let signature = request.headers().get("x-plimsoll-signature");
        let signature = signature.map(|value| value.to_str().unwrap().to_owned());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap();
        let mode = {
            let mut shared = self.shared.lock().unwrap();
            shared.came.push(Post { path, signature, text: text.clone(), json });
            shared.mode.clone()
        };
        let (status, wait, says) = match mode {
            Mode::Take => (200, None, "ok".to_owned()),
            Mode::Hang => std::future::pending().await,
            Mode::Answer(status, wait, says) => (status, wait, says),
            Mode::RefuseWith(status, word) if text.contains(&word) => (status, None, word),
            Mode::RefuseWith(..) => (200, None, String::new()),
        };
        let mut answer = Response::builder().status(status);
        if let Some(wait) = wait {
            answer = answer.header("retry-after", wait);
        }
        Ok(answer.body(Full::new(Bytes::from(says))).unwrap())
    }
}
