//! Stands between a client and a server, and breaks the connection at a chosen moment.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that are passed on at a time.
const CHUNK: usize = 64 * 1024;
/// How often a held connection looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A proxy on the loopback. Its threads end with the connections.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// To be broken.
    open: Vec<TcpStream>,
}

/// What is done with what comes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Pass,
    /// The next question arrives, its answer does not: the connection breaks. Then as before.
    LoseAnswer,
    /// The next question does not arrive: the connection breaks. Then as before.
    LoseQuestion,
    /// Nothing is passed on, nothing breaks.
    Hold,
    /// Every connection is broken at once.
    Refuse,
}

impl Proxy {
    /// Starts one before a server on this port.
    pub fn before(port: u16) -> std::io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is away ends the connection, as it would without a proxy.
                if lock(&shared).mode != Mode::Refuse
                    && let Ok(server) = TcpStream::connect(("127.0.0.1", port))
                {
                    drop(connect(&client, &server, &shared));
                }
            }
        });
        Ok(Proxy { address, state })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The next question is carried out; its answer is lost with the connection.
    pub fn lose_answer(&self) {
        lock(&self.state).mode = Mode::LoseAnswer;
    }

    /// The next question is lost with the connection.
    pub fn lose_question(&self) {
        lock(&self.state).mode = Mode::LoseQuestion;
    }

    /// Nothing passes any more, and nothing says so.
    pub fn hold(&self) {
        lock(&self.state).mode = Mode::Hold;
    }

    /// Breaks all connections and takes no new ones.
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.mode = Mode::Refuse;
        state.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// Everything passes again.
    pub fn heal(&self) {
        lock(&self.state).mode = Mode::Pass;
    }

    /// Is what was asked for still to happen?
    pub fn is_armed(&self) -> bool {
        matches!(lock(&self.state).mode, Mode::LoseAnswer | Mode::LoseQuestion)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(
    client: &TcpStream,
    server: &TcpStream,
    state: &Arc<Mutex<State>>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    lock(state).open.extend([client.try_clone()?, server.try_clone()?]);
    for (from, to, loses) in
        [(client, server, Mode::LoseQuestion), (server, client, Mode::LoseAnswer)]
    {
        let (from, to, state) = (from.try_clone()?, to.try_clone()?, Arc::clone(state));
        std::thread::spawn(move || {
            pass(from, to, loses, &state);
        });
    }
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, loses: Mode, state: &Mutex<State>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count) = from.read(&mut chunk)
        && count > 0
    {
        while lock(state).mode == Mode::Hold {
            std::thread::sleep(LOOK_EVERY);
        }
        let mut state = lock(state);
        if state.mode == loses {
            state.mode = Mode::Pass;
            break;
        }
        drop(state);
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
