//! Somebody who takes posts on loopback, and remembers when each came.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use model::Timestamp;
use serde_json::Value;

/// One post as it came.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) at: Timestamp,
    pub(crate) path: String,
    pub(crate) json: Value,
}

pub(crate) struct Posts {
    pub(crate) addr: SocketAddr,
    came: Arc<Mutex<Vec<Post>>>,
}

impl Posts {
    pub(crate) fn start() -> Posts {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let came: Arc<Mutex<Vec<Post>>> = Arc::default();
        let taken = came.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = taken.clone();
                std::thread::spawn(move || {
                    // Ends with the connection.
                    let _ = serve(stream, &taken);
                });
            }
        });
        Posts { addr, came }
    }

    /// What came to this path so far.
    pub(crate) fn to(&self, path: &str) -> Vec<Post> {
        let came = self.came.lock().unwrap();
        came.iter().filter(|post| post.path == path).cloned().collect()
    }
}

fn serve(stream: TcpStream, taken: &Mutex<Vec<Post>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header)?;
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap().to_owned();
        let json = serde_json::from_slice(&body).unwrap();
        let at = runtime::clock::now();
        taken.lock().unwrap().push(Post { at, path, json });
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    }
}
