//! KIL-07: each step of the kill path fails, panics or blocks, one at a time, and the others go on.
//!
//! The kill switch runs in this process, in a world that is real but for one step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use watchdog::core::effect::{Alert, Cancel};
use watchdog::core::flatten::Sale;
use watchdog::core::ledger::{Cursors, Marks};
use watchdog::core::words::{Balance, Fill, Latch, Order, Top, Transfer};
use watchdog::world::{Real, Task, World};
use watchdog::{Watchdog, config};

use crate::stage::{Stage, until};

/// From the halt to the last order gone (`T_clear`), whichever step fails.
const CLEARED_MS: i64 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Latch,
    /// The first one alone, of whatever kind.
    FirstCancel,
    /// All of them.
    Cancel,
    List,
    Alert,
    KillGateway,
    Balances,
    Prices,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Fails,
    Panics,
    Blocks,
}

/// The real world, in which one step does not work from the latch on.
struct Faulty {
    real: Arc<Real>,
    step: Step,
    how: How,
    broken: std::sync::atomic::AtomicBool,
    cancels: std::sync::atomic::AtomicU64,
}

impl Faulty {
    fn at<T: Send + 'static>(&self, step: Step, task: Task<T>) -> Task<T> {
        let broken = self.broken.load(std::sync::atomic::Ordering::Relaxed);
        if step != self.step || !broken {
            return task;
        }
        let how = self.how;
        Box::pin(async move {
            match how {
                How::Fails => Err("it is broken".to_owned()),
                How::Panics => panic!("it is broken: on purpose"),
                How::Blocks => std::future::pending().await,
            }
        })
    }
}

impl World for Faulty {
    fn utc_ms(&self) -> i64 {
        self.real.utc_ms()
    }
    fn knows_time(&self) -> bool {
        self.real.knows_time()
    }
    fn write(&self, latch: Latch) -> Task<()> {
        self.broken.store(true, std::sync::atomic::Ordering::Relaxed);
        self.at(Step::Latch, self.real.write(latch))
    }
    fn lift(&self, latch: Latch) -> Task<()> {
        self.real.lift(latch)
    }
    fn keep(&self, marks: Marks) -> Task<()> {
        self.real.keep(marks)
    }
    fn orders(&self, all: bool, urgent: bool) -> Task<Vec<Order>> {
        self.at(Step::List, self.real.orders(all, urgent))
    }
    fn prices(&self) -> Task<Vec<Top>> {
        self.at(Step::Prices, self.real.prices())
    }
    fn balances(&self) -> Task<Vec<Balance>> {
        self.at(Step::Balances, self.real.balances())
    }
    fn fills(&self, since: Cursors) -> Task<(Vec<Fill>, Cursors)> {
        self.real.fills(since)
    }
    fn transfers(&self, since_ms: i64) -> Task<Vec<Transfer>> {
        self.real.transfers(since_ms)
    }
    fn cancel(&self, cancel: Cancel) -> Task<usize> {
        let number = self.cancels.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let first = number == 0 && self.step == Step::FirstCancel;
        let step = if first { Step::FirstCancel } else { Step::Cancel };
        self.at(step, self.real.cancel(cancel))
    }
    fn sell(&self, sale: Sale) -> Task<String> {
        self.real.sell(sale)
    }
    fn kill_gateway(&self) -> Task<String> {
        self.at(Step::KillGateway, self.real.kill_gateway())
    }
    fn alert(&self, alert: Alert) -> Task<()> {
        self.at(Step::Alert, self.real.alert(alert))
    }
}

/// Orders are open and known, somebody halts, and one step does not work. What has to go is gone all the
/// same; the time is the exchange's, which has room for what a list costs.
fn goes_on(seed: u32, step: Step, how: How) {
    let stage = Stage::binance(seed);
    stage.add("kill_gateway = true\ngateway_pid_file = \"pid\"");
    stage.entries(20);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (stop, stopped) = watch::channel(false);
    let config = config::load(&stage.path("plimsoll.toml")).unwrap();
    let running = runtime.block_on(async {
        let watchdog = Watchdog::open(config).await.unwrap();
        let (real, control) = (watchdog.world(), watchdog.control.to_string());
        let world = Arc::new(Faulty { real, step, how, broken: false.into(), cancels: 0.into() });
        (tokio::spawn(watchdog.run_in(world, stopped)), control)
    });
    let (running, control) = running;
    let ask = |method: &str, path: &str| {
        let header = format!("authorization: Bearer {}\r\n", crate::stage::TOKEN);
        let mut venue = std::net::TcpStream::connect(&control).unwrap();
        venue.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        use std::io::{Read as _, Write as _};
        write!(venue, "{method} {path} HTTP/1.1\r\nhost: x\r\n{header}content-length: 0\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        venue.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str::<serde_json::Value>(body).unwrap()
    };
    until(&String::new, || ask("GET", "/status")["open_orders"].as_array().unwrap().len() == 20);
    let halted_ms = runtime::clock::now().millis();
    ask("POST", "/halt");
    if step == Step::Cancel {
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(stage.open(), (20, 0), "{step:?} {how:?}");
        let status = ask("GET", "/status");
        assert_eq!((&status["halted"], &status["durable"]), (&json!(true), &json!(true)));
    } else {
        until(&|| format!("{step:?} {how:?}"), || stage.open() == (0, 0));
        let took = last_gone_ms(&stage) - halted_ms;
        println!("{step:?} {how:?}: all gone after {took} ms");
        assert!(took <= CLEARED_MS, "{step:?} {how:?}: {took} ms");
        let status = ask("GET", "/status");
        assert_eq!(status["halted"], true, "{status}");
        if !matches!(step, Step::List) {
            until(&|| format!("{step:?} {how:?}"), || ask("GET", "/status")["cleared"] == true);
        }
        let durable = stage.path("state/watchdog-latch.json").exists();
        assert_eq!(durable, step != Step::Latch, "{step:?} {how:?}");
    }
    stop.send(true).unwrap();
    runtime.block_on(running).unwrap().unwrap();
    runtime.shutdown_background();
}

/// When the last of the orders went, by the exchange's own books.
fn last_gone_ms(stage: &Stage) -> i64 {
    let state = stage.venue.state();
    let orders = state["orders"].as_array().unwrap();
    orders.iter().map(|order| order["updated"].as_i64().unwrap()).max().unwrap()
}

#[test]
fn the_latch() {
    goes_on(81, Step::Latch, How::Fails);
    goes_on(82, Step::Latch, How::Panics);
    goes_on(83, Step::Latch, How::Blocks);
}

#[test]
fn the_first_cancel() {
    goes_on(84, Step::FirstCancel, How::Fails);
    goes_on(85, Step::FirstCancel, How::Panics);
    goes_on(86, Step::FirstCancel, How::Blocks);
}

#[test]
fn the_list() {
    goes_on(87, Step::List, How::Fails);
    goes_on(88, Step::List, How::Panics);
    goes_on(89, Step::List, How::Blocks);
}

#[test]
fn the_alert() {
    goes_on(90, Step::Alert, How::Fails);
    goes_on(91, Step::Alert, How::Panics);
    goes_on(92, Step::Alert, How::Blocks);
}

#[test]
fn the_end_of_the_gateway() {
    goes_on(93, Step::KillGateway, How::Panics);
    goes_on(94, Step::KillGateway, How::Blocks);
}

#[test]
fn what_is_read_for_other_reasons() {
    goes_on(95, Step::Balances, How::Blocks);
    goes_on(96, Step::Prices, How::Panics);
}

/// The proof that these tests can fail: a step without which nothing can be done.
#[test]
fn without_any_cancel_nothing_goes() {
    goes_on(97, Step::Cancel, How::Fails);
}
