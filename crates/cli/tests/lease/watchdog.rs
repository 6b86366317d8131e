//! A watchdog in a few lines, as `docs/watchdog.md` describes its end of the link, and a wire that can be cut.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

pub(crate) const TOKEN: &str = "shared-canary-token";

/// How it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Leases,
    /// Takes heartbeats and answers none.
    Hangs,
    Halted(String),
    /// Signs with another token.
    Stranger,
}

#[derive(Clone)]
pub(crate) struct Watchdog {
    pub(crate) address: String,
    mode: Arc<Mutex<Mode>>,
    beats: Arc<Mutex<Vec<Value>>>,
}

impl Watchdog {
    pub(crate) fn start(mode: Mode) -> Watchdog {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (mode, beats) = (Arc::new(Mutex::new(mode)), Arc::default());
        let watchdog = Watchdog { address, mode, beats };
        let serves = watchdog.clone();
        std::thread::spawn(move || {
            let words = AtomicU64::new(1);
            for stream in listener.incoming().flatten() {
                let word = format!("{:032x}", words.fetch_add(1, Ordering::Relaxed));
                let serves = serves.clone();
                std::thread::spawn(move || {
                    // Ends with the connection.
                    let _ = serves.serve(stream, &word);
                });
            }
        });
        watchdog
    }

    pub(crate) fn becomes(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(crate) fn beats(&self) -> Vec<Value> {
        self.beats.lock().unwrap().clone()
    }

    fn serve(&self, stream: TcpStream, word: &str) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        writeln!(stream.get_mut(), "{{\"v\":1,\"hello\":\"{word}\"}}")?;
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            let (text, mac) = line.trim_end().split_once(",\"mac\":\"").unwrap();
            let text = format!("{text}}}");
            assert_eq!(format!("{}\"}}", sign(TOKEN, word, &text)), mac, "a heartbeat is signed");
            let beat: Value = serde_json::from_str(&text).unwrap();
            let n = beat["n"].as_u64().unwrap();
            self.beats.lock().unwrap().push(beat);
            let mode = self.mode.lock().unwrap().clone();
            let (token, halted, cause) = match mode {
                Mode::Hangs => (None, false, String::new()),
                Mode::Leases => (Some(TOKEN), false, String::new()),
                Mode::Halted(cause) => (Some(TOKEN), true, cause),
                Mode::Stranger => (Some("guessed"), false, String::new()),
            };
            if let Some(token) = token {
                let lease = if halted { 0 } else { 1_000 };
                let text = format!(
                    "{{\"v\":1,\"n\":{n},\"lease_ms\":{lease},\"halted\":{halted},\"cause\":\"{cause}\",\
                     \"equity\":null,\"watching\":true}}"
                );
                let mac = sign(token, word, &text);
                let text = text.strip_suffix('}').unwrap();
                writeln!(stream.get_mut(), "{text},\"mac\":\"{mac}\"}}")?;
            }
            line.clear();
        }
        Ok(())
    }
}

fn sign(token: &str, word: &str, text: &str) -> String {
    let mac = |key: &[u8], text: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text);
        mac.finalize().into_bytes()
    };
    let key = mac(token.as_bytes(), word.as_bytes());
    mac(&key, text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Passes everything on until it is cut: then nothing passes and nothing connects.
pub(crate) struct Wire {
    pub(crate) address: String,
    cut: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    pub(crate) fn to(address: &str) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire {
            address: listener.local_addr().unwrap().to_string(),
            cut: Arc::default(),
            ends: Arc::default(),
        };
        let (cut, ends, to) = (wire.cut.clone(), wire.ends.clone(), address.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&to) else { continue };
                let both = [near.try_clone().unwrap(), far.try_clone().unwrap()];
                ends.lock().unwrap().extend(both);
                if cut.load(Ordering::SeqCst) {
                    // Taken by the machine's own queue of connections.
                    ends.lock().unwrap().drain(..).for_each(close);
                    continue;
                }
                pass(near.try_clone().unwrap(), far.try_clone().unwrap());
                pass(far, near);
            }
        });
        wire
    }

    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.ends.lock().unwrap().drain(..).for_each(close);
    }

    pub(crate) fn heal(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn close(stream: TcpStream) {
    // It may be closed already.
    let _ = stream.shutdown(Shutdown::Both);
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        close(to);
    });
}
