//! Asks the watchdog to halt, over its HTTP control, where the configuration names one.
//!
//! One request on a plain socket, with times of its own: it is asked when other things do not answer.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use runtime::config::Place;
use serde_json::json;

/// How long each step of it may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// What of its answer is read, bytes.
const ANSWER_MAX: u64 = 64 << 10;

/// Asks it; `None` where there is none.
pub(super) fn halt(place: &Place, reason: &str) -> Option<Result<String, String>> {
    let (control, token) = place.watchdog.as_ref()?;
    let asked = match token.read() {
        Ok(token) => ask(control, token.reveal(), reason),
        Err(error) => Err(error.to_string()),
    };
    Some(asked.map_err(|problem| format!("{control}: {problem}")))
}

fn ask(control: &str, token: &str, reason: &str) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut found = control.to_socket_addrs().map_err(text)?;
    let address = found.next().ok_or_else(|| "no address of that name".to_owned())?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(text)?;
    let body = json!({"cause": reason}).to_string();
    let request = format!(
        "POST /halt HTTP/1.1\r\nhost: {control}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut answer = String::new();
    stream.take(ANSWER_MAX).read_to_string(&mut answer).map_err(text)?;
    let status = answer.split(' ').nth(1).unwrap_or("");
    let said = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim());
    match status {
        "200" => Ok(format!("its latch is set: {said}")),
        _ => Err(format!("it answers {status:?}: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// A watchdog that answers once, and what it was asked.
    fn answering(status: &'static str) -> (String, std::thread::JoinHandle<(String, String)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(text) = line.strip_prefix("content-length: ") {
                    length = text.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\n{{}}");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            (head, String::from_utf8(body).unwrap())
        });
        (address, heard)
    }

    #[test]
    fn it_is_asked_with_the_token_and_its_word_counts() {
        let (address, heard) = answering("200");
        assert!(ask(&address, "secret", "mad \"market\"").unwrap().contains("latch is set"));
        let (head, body) = heard.join().unwrap();
        assert!(head.starts_with("POST /halt HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer secret\r\n"), "{head}");
        assert_eq!(body, r#"{"cause":"mad \"market\""}"#);
        let (address, heard) = answering("401");
        assert!(ask(&address, "wrong", "x").unwrap_err().contains("401"));
        drop(heard.join());
        assert!(ask(&address, "secret", "x").is_err(), "nobody listens there any more");
    }
}
