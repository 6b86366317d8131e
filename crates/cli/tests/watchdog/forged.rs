//! SEC-05: whatever is forged, replayed or guessed is refused, counted and told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Line, Stage, TOKEN};

#[test]
fn nothing_forged_is_taken() {
    let stage = Stage::binance(71);
    let watchdog = stage.watchdog();
    let refused = || watchdog.status()["refused"].as_u64().unwrap();
    let mut good = Line::open(&watchdog.heartbeat, TOKEN);
    let first = good.signed(&Line::beat(1, 0, 1));
    assert!(good.send(&first).is_some());
    assert_eq!(refused(), 0);
    // The same line again, on the same connection and on another one.
    assert_eq!(good.send(&first), None);
    assert_eq!(Line::open(&watchdog.heartbeat, TOKEN).send(&first), None);
    assert_eq!(refused(), 2);
    // Another token; no signature; a signature of something else.
    let mut other = Line::open(&watchdog.heartbeat, "another token, long enough");
    let signed = other.signed(&Line::beat(1, 0, 1));
    assert_eq!(other.send(&signed), None);
    let mut bare = Line::open(&watchdog.heartbeat, TOKEN);
    assert_eq!(bare.send(&format!("{}\n", Line::beat(1, 0, 1))), None);
    let mut changed = Line::open(&watchdog.heartbeat, TOKEN);
    let line =
        changed.signed(&Line::beat(1, 0, 1)).replace("\"open_orders\":0", "\"open_orders\":9");
    assert_eq!(changed.send(&line), None);
    // A line without an end.
    let mut endless = Line::open(&watchdog.heartbeat, TOKEN);
    assert_eq!(endless.send(&"x".repeat(5_000)), None);
    assert_eq!(refused(), 6);
    // Control: a wrong token, halting and lifting.
    for (path, body) in [("/halt", ""), ("/reset", ""), ("/reset", "{\"code\":\"1\"}")] {
        let (code, _) = watchdog.http("POST", path, "another token", body);
        assert_eq!(code, 401);
    }
    assert_eq!((refused(), &watchdog.status()["halted"]), (9, &json!(false)));
    // A code that was guessed.
    watchdog.http("POST", "/halt", TOKEN, "");
    watchdog.until(&stage, |status| status["cleared"] == true);
    watchdog.http("POST", "/reset", TOKEN, "");
    let (code, _) = watchdog.http("POST", "/reset", TOKEN, "{\"code\":\"0123456789abcdef\"}");
    assert_eq!((code, refused()), (409, 10));
    assert_eq!(watchdog.status()["halted"], true);
    assert!(stage.log().contains("refused, number 1 of its kind"), "{}", stage.log());
}

/// Ports that are flooded: heads, bodies and connections have bounds, and who is real gets through.
#[test]
fn what_is_too_large_or_too_many_has_a_bound() {
    let stage = Stage::binance(72);
    let watchdog = stage.watchdog();
    let (code, _) = watchdog.http("POST", "/halt", TOKEN, &"x".repeat(10_000));
    assert_eq!(code, 413);
    let mut stream = TcpStream::connect(&watchdog.control).unwrap();
    let head = format!("GET /status HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    // The other side may close while this is still written.
    drop(stream.write_all(head.as_bytes()));
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(watchdog.status()["halted"], false);
}

/// Connections that say nothing, more than there are places: whoever knows the token gets through at once, whoever
/// has shown it stays, and the silent ones are closed within seconds.
#[test]
fn silent_connections_starve_nobody() {
    let stage = Stage::binance(73);
    let watchdog = stage.watchdog();
    let mut before = Line::open(&watchdog.heartbeat, TOKEN);
    let line = before.signed(&Line::beat(1, 0, 1));
    assert!(before.send(&line).is_some());
    let began = Instant::now();
    let ports = [&watchdog.heartbeat, &watchdog.control];
    let silent: Vec<TcpStream> =
        (0..200).map(|n| TcpStream::connect(ports[n % 2]).unwrap()).collect();
    // Beside them one that goes on and on with its head.
    let mut slow = TcpStream::connect(&watchdog.control).unwrap();
    slow.write_all(b"POST /halt HTTP/1.1\r\nx: ").unwrap();
    let mut real = Line::open(&watchdog.heartbeat, TOKEN);
    let line = real.signed(&Line::beat(1, 0, 1));
    assert!(real.send(&line).is_some());
    let (code, _) = watchdog.http("POST", "/halt", TOKEN, "");
    assert_eq!(code, 200);
    assert!(began.elapsed() < Duration::from_secs(1), "after {:?}", began.elapsed());
    let line = before.signed(&Line::beat(2, 0, 2));
    assert!(before.send(&line).is_some(), "who has shown the token stays");
    for mut stream in silent.into_iter().chain([slow]) {
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let ended = stream.read_to_string(&mut String::new());
        let waits = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!waits, "it is not closed");
    }
    assert!(began.elapsed() < Duration::from_secs(4), "after {:?}", began.elapsed());
}
