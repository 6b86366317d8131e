//! A mail server with TLS on loopback: as much of RFC 5321, RFC 3207 and RFC 4954 as one mail takes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Nobody waits longer for the other side.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Implicit,
    StartTls,
}

impl Security {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Security::Implicit => "implicit",
            Security::StartTls => "starttls",
        }
    }
}

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) security: Security,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Every line that was said to it, and whether under TLS.
    heard: Mutex<Vec<(bool, String)>>,
    mails: Mutex<Vec<String>>,
}

/// What a conversation ended with.
enum End {
    Over,
    /// It wants TLS from here on.
    StartTls,
}

impl Server {
    pub(crate) fn start(security: Security) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let server = Server { port, security, shared: Arc::clone(&shared) };
        let config = Arc::new(config());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, config) = (Arc::clone(&shared), Arc::clone(&config));
                // A connection that breaks off is what some tests are about.
                std::thread::spawn(move || drop(serve(stream.unwrap(), security, &shared, config)));
            }
        });
        server
    }

    pub(crate) fn heard(&self) -> Vec<(bool, String)> {
        self.shared.heard.lock().unwrap().clone()
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.shared.mails.lock().unwrap().clone()
    }
}

fn config() -> ServerConfig {
    let of = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/certificate");
    let certificate = CertificateDer::from_pem_file(of.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(of.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

fn serve(
    mut stream: TcpStream,
    security: Security,
    shared: &Shared,
    config: Arc<ServerConfig>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    if security == Security::StartTls {
        stream.write_all(b"220 test ESMTP\r\n")?;
        match talk(&mut BufReader::new(&mut stream), shared, false)? {
            End::Over => return Ok(()),
            End::StartTls => {}
        }
    }
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    if security == Security::Implicit {
        stream.get_mut().write_all(b"220 test ESMTP\r\n")?;
    }
    talk(&mut stream, shared, true).map(drop)
}

fn talk<S: Read + Write>(
    stream: &mut BufReader<S>,
    shared: &Shared,
    is_secured: bool,
) -> std::io::Result<End> {
    let mut knows = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(End::Over);
        }
        let line = line.trim_end().to_owned();
        shared.heard.lock().unwrap().push((is_secured, line.clone()));
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if is_secured => "250-test\r\n250 AUTH PLAIN",
            "EHLO" => "250-test\r\n250 STARTTLS",
            "STARTTLS" if !is_secured => {
                stream.get_mut().write_all(b"220 go on\r\n")?;
                return Ok(End::StartTls);
            }
            "AUTH" => {
                // "\0me\0canarypass" in base64.
                knows = line == "AUTH PLAIN AG1lAGNhbmFyeXBhc3M=";
                if knows { "235 welcome" } else { "535 5.7.8 wrong user or password" }
            }
            "MAIL" if !knows => "530 5.7.0 who are you?",
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut mail)? == 0 {
                        return Ok(End::Over);
                    }
                }
                shared.mails.lock().unwrap().push(mail);
                "250 taken"
            }
            "QUIT" => {
                stream.get_mut().write_all(b"221 bye\r\n")?;
                return Ok(End::Over);
            }
            _ => "250 ok",
        };
        stream.get_mut().write_all(format!("{answer}\r\n").as_bytes())?;
    }
}
