//! The channel by itself: what is asked is answered, what is strange is said, nothing is without bound.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;

/// A listener whose gateway is `gateway`, on threads of its own.
struct Bench {
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    listening: Option<Listening>,
}

impl Bench {
    fn new(gateway: impl Fn(Asked) + Send + 'static) -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (asked, mut questions) = mpsc::channel(ASKED_MAX);
        let path = directory.path().join("s");
        let listening = {
            let _entered = runtime.enter();
            tokio::spawn(async move {
                while let Some(asked) = questions.recv().await {
                    gateway(asked);
                }
            });
            listen(&path, asked, Beside::default()).unwrap()
        };
        Bench { directory, runtime, listening: Some(listening) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// One line there, one line back.
    fn line(&self, text: &str) -> String {
        let mut stream = UnixStream::connect(self.path()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    }
}

fn no(asked: Asked) {
    let text = format!("{:?}", asked.ask);
    asked.reply.send(Answer::Error(text)).unwrap();
}

const ASK: Ask = Ask::Reconcile { accept: false, wait_s: 1 };

#[test]
fn a_question_is_answered_and_what_is_strange_is_said() {
    let bench = Bench::new(no);
    let Answer::Error(text) = ask(&bench.path(), &ASK).unwrap() else { panic!("compared") };
    assert_eq!(text, format!("{ASK:?}"));
    let short = bench.line("{\"ask\":\"reconcile\"}\n");
    assert!(short.contains("accept: false, wait_s: 30"), "{short}");
    for (line, expected) in [
        ("{\"ask\":\"sell\"}\n", "unknown variant `sell`"),
        ("{\"ask\":\"reconcile\",\"force\":true}\n", "unknown field `force`"),
        ("nonsense\n", "not understood"),
    ] {
        let answer = bench.line(line);
        assert!(answer.starts_with("{\"error\":") && answer.contains(expected), "{answer}");
    }
    let long = format!("{{\"ask\":\"{}\"}}", "x".repeat(5_000));
    assert!(bench.line(&long).contains("at most 4096 bytes"));
}

#[test]
fn a_connection_may_ask_more_than_once() {
    let bench = Bench::new(no);
    let mut stream = UnixStream::connect(bench.path()).unwrap();
    stream.write_all(b"{\"ask\":\"reconcile\"}\n{\"ask\":\"reconcile\",\"wait_s\":2}\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("wait_s: 30"));
    assert!(lines.next().unwrap().unwrap().contains("wait_s: 2"));
}

#[test]
fn no_answer_is_said_in_time() {
    let kept = std::sync::Mutex::new(Vec::new());
    let bench = Bench::new(move |asked| kept.lock().unwrap().push(asked));
    let Answer::Error(text) = ask(&bench.path(), &ASK).unwrap() else { panic!("compared") };
    assert!(text.contains("not be done within 1 s"), "{text}");
    let bench = Bench::new(drop);
    let Answer::Error(text) = ask(&bench.path(), &ASK).unwrap() else { panic!("compared") };
    assert_eq!(text, "the gateway is ending");
}

#[test]
fn only_so_many_are_listened_to() {
    let bench = Bench::new(no);
    let kept: Vec<UnixStream> =
        (0..8).map(|_| UnixStream::connect(bench.path()).unwrap()).collect();
    // Connections are taken in turn, so the ninth comes after those.
    let mut ninth = UnixStream::connect(bench.path()).unwrap();
    ninth.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut nothing = Vec::new();
    assert_eq!(ninth.read_to_end(&mut nothing).unwrap(), 0, "closed");
    drop(kept);
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_gateway() {
    let mut bench = Bench::new(no);
    let mode = std::fs::metadata(bench.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A dead gateway's socket is replaced.
    std::mem::forget(bench.listening.take());
    let (asked, _questions) = mpsc::channel(1);
    let again = {
        let _entered = bench.runtime.enter();
        listen(&bench.path(), asked, Beside::default()).unwrap()
    };
    // A gateway that ends after another has replaced its socket leaves that one alone.
    let (asked, _questions_of_next) = mpsc::channel(1);
    let next = {
        let _entered = bench.runtime.enter();
        listen(&bench.path(), asked, Beside::default()).unwrap()
    };
    drop(again);
    assert!(bench.path().exists());
    drop(next);
    assert!(!bench.path().exists());
    assert!(matches!(ask(&bench.path(), &ASK), Err(ControlError::Nobody { .. })));
}

#[test]
fn one_journal_has_one_socket_however_it_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("j.db");
    let at = |path: &std::path::Path| socket(directory.path(), &Address::Sqlite(path.to_owned()));
    assert!(at(&journal).is_err(), "no journal, no gateway");
    std::fs::write(&journal, "").unwrap();
    let other = directory.path().join("k.db");
    std::fs::write(&other, "").unwrap();
    let link = directory.path().join("l.db");
    std::os::unix::fs::symlink(&journal, &link).unwrap();
    assert_eq!(at(&journal).unwrap(), at(&link).unwrap());
    assert_ne!(at(&journal).unwrap(), at(&other).unwrap());
    let of = |url: &str| {
        let address = Address::parse(url, directory.path()).unwrap();
        socket(directory.path(), &address).unwrap()
    };
    assert_eq!(of("redis://:hush@h/0"), of("redis://h/0"), "whoever asks with which password");
    assert_ne!(of("redis://h/0"), of("redis://h/0?prefix=two"));
}

/// The words are a contract: a person's script may write them by hand.
#[test]
fn halts_and_resumes_are_asked_for_in_few_words() {
    let by = model::HaltedBy::Person;
    for (line, expected) in [
        (r#"{"ask":"halt"}"#, Ask::Halt { reason: String::new(), dark: false, by }),
        (
            r#"{"ask":"halt","reason":"mad","dark":true}"#,
            Ask::Halt { reason: "mad".to_owned(), dark: true, by },
        ),
        (r#"{"ask":"flatten"}"#, Ask::Flatten { reason: String::new() }),
        (r#"{"ask":"resume"}"#, Ask::Resume { code: None }),
        (r#"{"ask":"resume","code":"ABC"}"#, Ask::Resume { code: Some("ABC".to_owned()) }),
    ] {
        assert_eq!(serde_json::from_str::<Ask>(line).unwrap(), expected, "{line}");
    }
    for line in [r#"{"ask":"resume","force":true}"#, r#"{"ask":"unlimited"}"#] {
        assert!(serde_json::from_str::<Ask>(line).is_err(), "{line}");
    }
}

/// The file that halts lies beside the socket, for a journal that is there and for one that is not yet.
#[test]
fn the_halt_file_has_the_sockets_name() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let journal = Address::Sqlite(directory.path().join("x.db"));
    let before = halt_file(&state, &journal).unwrap();
    write_halt_file(&before, "enough\n").unwrap();
    assert_eq!(std::fs::read_to_string(&before).unwrap(), "enough\n");
    let mode = std::fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    std::fs::write(directory.path().join("x.db"), "").unwrap();
    let socket = socket(&state, &journal).unwrap();
    assert_eq!(halt_file(&state, &journal).unwrap(), before);
    assert_eq!(socket.with_extension("halt"), before);
}
