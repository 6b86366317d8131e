//! What the kill switch asks of the world, as a port: every step of the kill path is one call of it.
//!
//! The steps are carried out by tasks of their own, each within a bound, so that one that fails, panics or
//! blocks holds up no other (`shell.rs`). Tests put a world in between that does just that.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::alerts::Alerts;
use crate::chance;
use crate::core::effect::{Alert, Cancel};
use crate::core::flatten::Sale;
use crate::core::ledger::{Cursors, Marks};
use crate::core::words::{Balance, Fill, Latch, Order, Top, Transfer};
use crate::disk::Disk;
use crate::venue::sign::hex;
use crate::venue::{Client, Purpose};

/// Something that ends in a value or in the reason why there is none.
pub type Task<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// The world.
pub trait World: Send + Sync + 'static {
    /// The exchange's time as well as it is known, milliseconds since the Unix epoch.
    fn utc_ms(&self) -> i64;
    /// Whether the exchange has told its time; else `utc_ms` is the host's, and no day begins by it.
    fn knows_time(&self) -> bool;
    /// Makes the latch durable.
    fn write(&self, latch: Latch) -> Task<()>;
    /// Takes the latch off the disk.
    fn lift(&self, latch: Latch) -> Task<()>;
    /// Keeps the marks.
    fn keep(&self, marks: Marks) -> Task<()>;
    /// Open orders; `urgent` for the kill path.
    fn orders(&self, all: bool, urgent: bool) -> Task<Vec<Order>>;
    /// Best prices.
    fn prices(&self) -> Task<Vec<Top>>;
    /// Balances.
    fn balances(&self) -> Task<Vec<Balance>>;
    /// Executions since the cursors.
    fn fills(&self, since: Cursors) -> Task<(Vec<Fill>, Cursors)>;
    /// Transfers out of the account since a time, milliseconds since the Unix epoch.
    fn transfers(&self, since_ms: i64) -> Task<Vec<Transfer>>;
    /// Cancels orders of one symbol.
    fn cancel(&self, cancel: Cancel) -> Task<usize>;
    /// Sells.
    fn sell(&self, sale: Sale) -> Task<String>;
    /// Ends the gateway's process.
    fn kill_gateway(&self) -> Task<String>;
    /// Hands an alert over.
    fn alert(&self, alert: Alert) -> Task<()>;
}

/// The real one.
#[derive(Debug)]
pub struct Real {
    client: Arc<Client>,
    disk: Disk,
    /// Writes of the latch, and of the marks, that may be under way: a disk that blocks keeps one thread each.
    latch_room: Arc<Semaphore>,
    marks_room: Arc<Semaphore>,
    alerts: Arc<Alerts>,
    pid_file: Option<PathBuf>,
}

impl Real {
    /// Of these parts.
    pub fn new(client: Client, disk: Disk, alerts: Alerts, pid_file: Option<PathBuf>) -> Real {
        Real {
            client: Arc::new(client),
            disk,
            latch_room: Arc::new(Semaphore::new(1)),
            marks_room: Arc::new(Semaphore::new(1)),
            alerts: Arc::new(alerts),
            pid_file,
        }
    }

    /// Asks the exchange for its limits; nothing depends on the answer.
    pub async fn learn_limits(&self) {
        if let Err(problem) = self.client.learn_limits().await {
            tracing::debug!(%problem, "the exchange's limits are not known");
        }
    }

    /// Disks block, so a thread does it.
    fn on_disk<T: Send + 'static>(
        &self,
        room: &Arc<Semaphore>,
        work: impl FnOnce(&Disk) -> std::io::Result<T> + Send + 'static,
    ) -> Task<T> {
        let (disk, room) = (self.disk.clone(), Arc::clone(room));
        Box::pin(async move {
            let permit = room.try_acquire_owned();
            let permit = permit.map_err(|_| "the write before has not ended".to_owned())?;
            let done = tokio::task::spawn_blocking(move || {
                let done = work(&disk);
                drop(permit);
                done
            });
            let done = done.await;
            done.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        })
    }

    fn at_venue<T, F>(&self, ask: impl FnOnce(Arc<Client>) -> F) -> Task<T>
    where
        F: Future<Output = Result<T, crate::venue::VenueError>> + Send + 'static,
    {
        let asked = ask(Arc::clone(&self.client));
        Box::pin(async move { asked.await.map_err(|error| error.to_string()) })
    }
}

impl World for Real {
    fn utc_ms(&self) -> i64 {
        self.client.venue_ms()
    }

    fn knows_time(&self) -> bool {
        self.client.knows_time()
    }

    fn write(&self, latch: Latch) -> Task<()> {
        self.on_disk(&self.latch_room, move |disk| disk.write_latch(&latch))
    }

    fn lift(&self, latch: Latch) -> Task<()> {
        self.on_disk(&self.latch_room, move |disk| disk.lift(&latch))
    }

    fn keep(&self, marks: Marks) -> Task<()> {
        self.on_disk(&self.marks_room, move |disk| disk.write_marks(&marks))
    }

    fn orders(&self, all: bool, urgent: bool) -> Task<Vec<Order>> {
        let purpose = if urgent { Purpose::Kill } else { Purpose::Watch };
        self.at_venue(|client| async move { client.orders(all, purpose).await })
    }

    fn prices(&self) -> Task<Vec<Top>> {
        self.at_venue(|client| async move { client.prices().await })
    }

    fn balances(&self) -> Task<Vec<Balance>> {
        self.at_venue(|client| async move { client.balances().await })
    }

    fn fills(&self, since: Cursors) -> Task<(Vec<Fill>, Cursors)> {
        self.at_venue(|client| async move { client.fills(&since).await })
    }

    fn transfers(&self, since_ms: i64) -> Task<Vec<Transfer>> {
        self.at_venue(|client| async move { client.transfers(since_ms).await })
    }

    fn cancel(&self, cancel: Cancel) -> Task<usize> {
        self.at_venue(|client| async move { client.cancel(&cancel).await })
    }

    fn sell(&self, sale: Sale) -> Task<String> {
        let name = format!("watchdog-{}", hex(&chance::bytes::<8>()));
        self.at_venue(|client| async move { client.sell(&sale, &name).await })
    }

    fn kill_gateway(&self) -> Task<String> {
        let pid_file = self.pid_file.clone();
        Box::pin(async move { kill(pid_file) })
    }

    fn alert(&self, alert: Alert) -> Task<()> {
        let (alerts, at_ms) = (Arc::clone(&self.alerts), self.utc_ms());
        Box::pin(async move {
            alerts.tell(&alert, at_ms);
            Ok(())
        })
    }
}

/// Ends the process whose number is in the file, if it is still a gateway: numbers are used again.
fn kill(pid_file: Option<PathBuf>) -> Result<String, String> {
    let path = pid_file.ok_or("there is no gateway_pid_file")?;
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let number = text.trim().parse::<i32>().ok().filter(|number| *number > 1);
    let pid = number.and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| format!("{}: holds no process id", path.display()))?;
    let number = pid.as_raw_nonzero();
    if number.get().unsigned_abs() == std::process::id() {
        return Err(format!("process {number} is this kill switch"));
    }
    let command = std::fs::read(format!("/proc/{number}/cmdline"))
        .map_err(|_| format!("process {number} is not there"))?;
    let command = String::from_utf8_lossy(&command);
    let mut words = command.split('\0');
    let is_plimsoll =
        words.next().is_some_and(|program| program.rsplit('/').next() == Some("plimsoll"));
    if !is_plimsoll || words.next() != Some("run") {
        return Err(format!("process {number} is no gateway any more"));
    }
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)
        .map_err(|error| format!("process {number}: {error}"))?;
    Ok(format!("process {number} was ended"))
}
