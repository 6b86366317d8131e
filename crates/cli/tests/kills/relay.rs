//! What is between the gateway and the exchange: passes everything on, and kills when an order passes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::common::Running;

/// The longest time from an order's first byte to the kill, microseconds.
const LATE_MAX_US: u64 = 5_000;
/// Orders that may pass before the one that kills.
const PASS_MAX: u64 = 4;

/// When the kill comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The order arrives, its sender is dead already.
    Before,
    /// The order never arrives.
    Lost,
    /// The order arrives, its sender dies within five milliseconds.
    After,
    /// The order is answered, and the answer does not arrive.
    Answered,
}

pub(super) struct Relay {
    address: String,
    shared: Arc<Shared>,
    fired: Receiver<Moment>,
}

struct Shared {
    to: SocketAddr,
    order: &'static [u8],
    from: AtomicU32,
    trap: Mutex<Trap>,
    fired: Sender<Moment>,
}

/// Who is to be killed, and when.
struct Trap {
    victim: Option<Running>,
    moment: Moment,
    pass: u64,
    late: Duration,
    chance: u64,
}

impl Trap {
    /// The next one of a fixed sequence (SplitMix64): the same seed kills at the same moments.
    fn draw(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.chance;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % below
    }

    fn kill(&mut self) {
        // Kills it and waits for its end.
        drop(self.victim.take());
    }
}

impl Relay {
    pub(super) fn start(to: &str, order: &'static [u8], seed: u64) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (tell, fired) = channel();
        let trap = Trap {
            victim: None,
            moment: Moment::After,
            pass: 0,
            late: Duration::ZERO,
            chance: seed,
        };
        let shared = Arc::new(Shared {
            to: to.parse().unwrap(),
            order,
            from: AtomicU32::new(1),
            trap: Mutex::new(trap),
            fired: tell,
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                accepting.clone().carry(client.unwrap());
            }
        });
        Relay { address, shared, fired }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// From now on the exchange sees another address.
    pub(super) fn next_address(&self) {
        self.shared.from.fetch_add(1, Ordering::Relaxed);
    }

    /// Kills this process when one of its next orders passes. `None` when none did for so long; it is
    /// dead then, too.
    pub(super) fn kill(&self, victim: Running, wait: Duration) -> Option<Moment> {
        {
            let mut trap = self.shared.trap.lock().unwrap();
            trap.moment = match trap.draw(8) {
                0 | 1 => Moment::Before,
                2 => Moment::Lost,
                3 | 4 => Moment::Answered,
                _ => Moment::After,
            };
            trap.pass = trap.draw(PASS_MAX);
            trap.late = Duration::from_micros(trap.draw(LATE_MAX_US + 1));
            trap.victim = Some(victim);
        }
        let fired = self.fired.recv_timeout(wait).ok();
        self.shared.trap.lock().unwrap().kill();
        fired
    }
}

impl Shared {
    fn carry(self: Arc<Shared>, client: TcpStream) {
        // 127.x.y.z: all of them are this machine.
        let [_, x, y, z] = self.from.load(Ordering::Relaxed).to_be_bytes();
        let from = SocketAddrV4::new(Ipv4Addr::new(127, x, y, z), 0);
        let descriptor = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&descriptor, &from).unwrap();
        connect(&descriptor, &self.to).unwrap();
        let server = TcpStream::from(descriptor);
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (answers, watch) = (Arc::new(Mutex::new(false)), self.clone());
        let swallow = answers.clone();
        std::thread::spawn(move || {
            watch.upwards(&mut up, &mut down, &swallow);
            // Whoever is left hears the end.
            let _ = down.shutdown(Shutdown::Both);
            let _ = up.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || {
            let (mut server, mut client) = (server, client);
            let mut buffer = [0; 16 * 1024];
            while let Ok(read @ 1..) = server.read(&mut buffer) {
                if std::mem::take(&mut *answers.lock().unwrap()) {
                    self.fire(Moment::Answered);
                    break;
                }
                if client.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = server.shutdown(Shutdown::Both);
            let _ = client.shutdown(Shutdown::Both);
        });
    }

    /// From the gateway to the exchange.
    fn upwards(&self, from: &mut TcpStream, to: &mut TcpStream, swallow: &Mutex<bool>) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..read];
            let moment = if bytes.starts_with(self.order) { self.armed() } else { None };
            match moment {
                None | Some((Moment::After, _)) => {}
                Some((Moment::Before, _)) => self.fire(Moment::Before),
                Some((Moment::Lost, _)) => {
                    self.fire(Moment::Lost);
                    return;
                }
                Some((Moment::Answered, _)) => *swallow.lock().unwrap() = true,
            }
            if to.write_all(bytes).is_err() {
                return;
            }
            if let Some((Moment::After, late)) = moment {
                std::thread::sleep(late);
                self.fire(Moment::After);
            }
        }
    }

    /// Is this the order that kills?
    fn armed(&self) -> Option<(Moment, Duration)> {
        let mut trap = self.trap.lock().unwrap();
        trap.victim.as_ref()?;
        match trap.pass.checked_sub(1) {
            Some(left) => {
                trap.pass = left;
                None
            }
            None => Some((trap.moment, trap.late)),
        }
    }

    fn fire(&self, moment: Moment) {
        let mut trap = self.trap.lock().unwrap();
        if trap.victim.is_some() {
            trap.kill();
            self.fired.send(moment).unwrap();
        }
    }
}
