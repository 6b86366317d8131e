//! A mail server on loopback: as much of RFC 5321 as one mail takes, with AUTH PLAIN (RFC 4954) where it is
//! told a password.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// One mail as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// User and password that it wants.
    login: Option<(String, String)>,
    /// Every line that was said to it.
    said: Arc<Mutex<Vec<String>>>,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Server {
    pub(crate) async fn start(login: Option<(&str, &str)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let server = Server { addr, login, said: Arc::default(), mails: Arc::default() };
        let accepts = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = accepts.clone();
                tokio::spawn(async move { drop(server.serve(stream).await) });
            }
        });
        server
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut mail = Mail::default();
        let mut known = self.login.is_none();
        stream.write_all(b"220 test ESMTP\r\n").await?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            self.said.lock().unwrap().push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" if self.login.is_some() => "250-test\r\n250 AUTH PLAIN",
                "EHLO" => "250 test",
                "AUTH" => {
                    known = self.login.as_ref().is_some_and(|(user, password)| {
                        let wanted = STANDARD.encode(format!("\0{user}\0{password}"));
                        line == format!("AUTH PLAIN {wanted}")
                    });
                    if known { "235 welcome" } else { "535 5.7.8 wrong user or password" }
                }
                "MAIL" if !known => "530 5.7.0 who are you?",
                "MAIL" => {
                    mail.from = line;
                    "250 ok"
                }
                "RCPT" => {
                    mail.to.push(line);
                    "250 ok"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    mail.text = read_data(&mut stream).await?;
                    self.mails.lock().unwrap().push(std::mem::take(&mut mail));
                    "250 taken"
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }
}

async fn read_data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line == ".\r\n" || line.is_empty() {
            return Ok(text);
        }
        text.push_str(&line);
    }
}
