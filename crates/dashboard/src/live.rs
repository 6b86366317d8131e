//! How the gateway is, looked at once for all browsers, by a thread of its own.
//!
//! A gateway is asked once a second while somebody looks, whoever many they are, and seldom when nobody does. What the account
//! is worth is kept from each look, for the curve: the journal has it only where its marks change.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Watch;

/// How often it is looked while somebody looks on, and while nobody does.
const LOOK_EVERY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// Points of the curve that are kept; then every other one goes, and fewer are taken.
const SAMPLES_MAX: usize = 3_600;

/// A text that is the same for all browsers.
pub(crate) type Told = watch::Receiver<Arc<str>>;

/// What the account was worth, look by look.
#[derive(Debug)]
pub(crate) struct Samples {
    /// Milliseconds since 1970, and valuation units.
    points: Vec<(u64, String)>,
    /// So many looks make one point.
    every: usize,
    looks: usize,
}

impl Samples {
    const fn new() -> Samples {
        Samples { points: Vec::new(), every: 1, looks: 0 }
    }

    fn add(&mut self, at: u64, equity: &str) {
        self.looks += 1;
        if !self.looks.is_multiple_of(self.every) {
            return;
        }
        if self.points.len() >= SAMPLES_MAX {
            let mut kept = 0;
            self.points.retain(|_| {
                kept += 1;
                kept % 2 == 0
            });
            self.every *= 2;
        }
        self.points.push((at, equity.to_owned()));
    }
}

/// The thread's work, as the server sees it. The thread ends when this goes.
pub(crate) struct Live {
    told: Told,
    samples: Arc<Mutex<Samples>>,
    _end: Sender<()>,
}

impl Live {
    pub(crate) fn start(watch: Box<dyn Watch>) -> std::io::Result<Live> {
        let (tell, told) = watch::channel(Arc::from(""));
        let samples = Arc::new(Mutex::new(Samples::new()));
        let (end, ended) = channel();
        let kept = Arc::clone(&samples);
        std::thread::Builder::new()
            .name("look".to_owned())
            .spawn(move || look(watch, &tell, &kept, &ended))?;
        Ok(Live { told, samples, _end: end })
    }

    pub(crate) fn told(&self) -> Told {
        self.told.clone()
    }

    /// The curve so far.
    pub(crate) fn curve(&self) -> Value {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        json!(samples.points)
    }
}

fn look(
    mut watch: Box<dyn Watch>,
    tell: &watch::Sender<Arc<str>>,
    samples: &Mutex<Samples>,
    ended: &Receiver<()>,
) {
    loop {
        let told = match watch.look() {
            Ok(now) => {
                let at = millis();
                if let Some(equity) = worth(&now) {
                    samples.lock().unwrap_or_else(PoisonError::into_inner).add(at, equity);
                }
                json!({"at": at, "now": now})
            }
            Err(problem) => json!({"at": millis(), "problem": problem}),
        };
        tell.send_replace(Arc::from(told.to_string()));
        // The server's own is one.
        let [often, seldom] = LOOK_EVERY;
        let every = if tell.receiver_count() > 1 { often } else { seldom };
        match ended.recv_timeout(every) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What the account is worth by the running gateway; what its journal says is as old as that.
fn worth(now: &Value) -> Option<&str> {
    let is_running = now["running"] == true && now["equity"]["at"].is_null();
    now["equity"]["equity"].as_str().filter(|_| is_running)
}

/// Milliseconds since 1970, by this machine's clock.
pub(crate) fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_fewer_points_and_all_of_its_time() {
        let mut samples = Samples::new();
        for at in 0..20_000 {
            samples.add(at, "1");
        }
        assert!(samples.points.len() <= SAMPLES_MAX, "{}", samples.points.len());
        let times: Vec<u64> = samples.points.iter().map(|(at, _)| *at).collect();
        assert!(
            times.is_sorted() && times[0] < 20 && times.last() > Some(&19_980),
            "{:?}",
            &times[..3]
        );
    }

    #[test]
    fn only_the_running_gateways_word_is_a_point() {
        let said = json!({"running": true, "equity": {"equity": "10"}});
        assert_eq!(worth(&said), Some("10"));
        for other in [
            json!({"running": false, "equity": {"equity": "10"}}),
            json!({"running": true, "equity": {"equity": "10", "at": 5}}),
            json!({"running": true, "equity": null}),
        ] {
            assert_eq!(worth(&other), None, "{other}");
        }
    }

    struct Counting(Sender<()>);

    impl Watch for Counting {
        fn look(&mut self) -> Result<Value, String> {
            let _ = self.0.send(());
            Err("nobody is there".to_owned())
        }
    }

    #[test]
    fn what_cannot_be_seen_is_told_and_the_thread_ends() {
        let (looked, looks) = channel();
        let live = Live::start(Box::new(Counting(looked))).unwrap();
        let patience = Duration::from_secs(30);
        looks.recv_timeout(patience).unwrap();
        looks.recv_timeout(patience).unwrap();
        assert!(live.told().borrow().contains("\"problem\":\"nobody is there\""));
        drop(live);
        while looks.recv_timeout(patience).is_ok() {}
    }
}
