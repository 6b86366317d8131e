//! The loop around the core: one task that owns it, and a task for each thing it asks of the world.
//!
//! The loop waits for nothing but the latch, and for that no longer than 50 ms: then it cancels whether the
//! disk has answered or not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::amount::Amount;
use crate::chance;
use crate::core::effect::{Effect, Input};
use crate::core::ledger::Marks;
use crate::core::reset::{ResetError, Shown};
use crate::core::status::{Answer, Status};
use crate::core::words::{Beat, Latch, Moment};
use crate::core::{Core, Setup};
use crate::venue::sign::hex;
use crate::world::{Task, World};

/// Things that wait for the core.
const QUEUE: usize = 1_024;
/// How often it is told that time has passed.
const TICK: Duration = Duration::from_millis(20);
/// How often it is looked whether the file that halts is there.
const HALT_FILE_EVERY: Duration = Duration::from_millis(100);
/// The latch is waited for so long, then it is canceled without.
const LATCH_WAIT: Duration = Duration::from_millis(50);
/// Bounds of the steps.
const READ_MAX: Duration = Duration::from_secs(10);
const CANCEL_MAX: Duration = Duration::from_secs(20);
const STEP_MAX: Duration = Duration::from_secs(5);

/// What the servers ask of the core.
#[derive(Debug)]
pub enum Message {
    /// Something happened.
    Input(Input),
    /// The gateway beat, and waits for its answer.
    Beat(Beat, oneshot::Sender<Answer>),
    /// A person halts, and waits for how it is then.
    Halt(String, oneshot::Sender<Status>),
    /// A person asks.
    Status(oneshot::Sender<Status>),
    /// A person says that so much of an asset is about to leave.
    Announce(String, Amount, oneshot::Sender<bool>),
    /// Step one of a reset.
    Offer(oneshot::Sender<Result<Shown, ResetError>>),
    /// Step two.
    Reset(String, oneshot::Sender<Result<(), ResetError>>),
}

/// A way to the core.
pub type Tell = mpsc::Sender<Message>;

/// The loop, not running yet.
pub struct Shell<W> {
    world: Arc<W>,
    core: Core,
    began: Instant,
    effects: Vec<Effect>,
    tell: Tell,
    told: mpsc::Receiver<Message>,
}

impl<W: World> Shell<W> {
    /// With what is on the disk.
    pub fn new(world: Arc<W>, setup: Setup, latch: Option<Latch>, marks: Marks) -> Shell<W> {
        let (tell, told) = mpsc::channel(QUEUE);
        let mut effects = Vec::new();
        let core = Core::start(setup, latch, marks, &mut effects);
        Shell { world, core, began: Instant::now(), effects, tell, told }
    }

    /// A way to the core.
    pub fn tell(&self) -> Tell {
        self.tell.clone()
    }

    fn now(&self) -> Moment {
        let steady_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let utc_told = self.world.knows_time();
        Moment { steady_ms, utc_ms: self.world.utc_ms(), utc_told }
    }

    /// Runs until told to stop. Nothing is canceled then: the gateway's lease runs out within a second.
    pub async fn run(mut self, halt_file: Option<PathBuf>, mut stop: watch::Receiver<bool>) {
        if let Some(path) = halt_file {
            tokio::spawn(watch_file(path, self.tell.clone()));
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.carry_out().await;
            tokio::select! {
                Some(message) = self.told.recv() => self.hear(message),
                _ = tick.tick() => self.apply(Input::Tick),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }

    fn apply(&mut self, input: Input) {
        let now = self.now();
        self.core.apply(now, input, &mut self.effects);
    }

    fn hear(&mut self, message: Message) {
        // Whoever asked may be gone; that is their affair.
        match message {
            Message::Input(input) => self.apply(input),
            Message::Beat(beat, answer) => {
                let session = beat.session;
                self.apply(Input::Beat(beat));
                drop(answer.send(self.core.answer(self.now(), session)));
            }
            Message::Halt(cause, answer) => {
                self.apply(Input::Halt { by: "http", cause });
                drop(answer.send(self.core.status(self.now())));
            }
            Message::Status(answer) => drop(answer.send(self.core.status(self.now()))),
            Message::Announce(asset, amount, answer) => {
                let now = self.now();
                // Whoever asked may be gone.
                let _ = answer.send(self.core.announce(now, asset, amount, &mut self.effects));
            }
            Message::Offer(answer) => {
                let code = hex(&chance::bytes::<8>());
                drop(answer.send(self.core.offer_reset(self.now(), code)));
            }
            Message::Reset(code, answer) => {
                let now = self.now();
                drop(answer.send(self.core.reset(now, &code, &mut self.effects)));
            }
        }
    }

    /// Begins everything that is asked for, in order.
    async fn carry_out(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Write(latch) => {
                    let (done, written) = oneshot::channel();
                    self.begin(
                        STEP_MAX,
                        move |world| world.write(latch),
                        move |told| {
                            // Nobody may wait for it any more.
                            let _ = done.send(());
                            Input::Written(told)
                        },
                    );
                    drop(tokio::time::timeout(LATCH_WAIT, written).await);
                }
                Effect::Lift(latch) => {
                    self.begin(STEP_MAX, move |world| world.lift(latch), Input::Lifted);
                }
                Effect::Keep(marks) => self.begin(
                    STEP_MAX,
                    move |world| world.keep(marks),
                    |told| {
                        if let Err(problem) = told {
                            tracing::error!(problem, "the marks could not be kept");
                        }
                        Input::Tick
                    },
                ),
                Effect::ReadOrders { n, all, urgent } => self.begin(
                    READ_MAX,
                    move |world| world.orders(all, urgent),
                    move |told| Input::Orders { n, all, told },
                ),
                Effect::ReadPrices => self.begin(READ_MAX, |world| world.prices(), Input::Prices),
                Effect::ReadBalances => {
                    self.begin(READ_MAX, |world| world.balances(), Input::Balances);
                }
                Effect::ReadFills(since) => {
                    self.begin(READ_MAX, move |world| world.fills(since), Input::Fills);
                }
                Effect::ReadTransfers(since_ms) => {
                    self.begin(READ_MAX, move |world| world.transfers(since_ms), Input::Transfers)
                }
                Effect::Cancel { n, batches } => {
                    let cancel = move |world: &W| -> Task<usize> {
                        let all: Vec<_> =
                            batches.into_iter().map(|batch| world.cancel(batch)).collect();
                        Box::pin(together(all))
                    };
                    self.begin(CANCEL_MAX, cancel, move |told| Input::Canceled { n, told });
                }
                Effect::Alert(alert) => {
                    self.begin(STEP_MAX, move |world| world.alert(alert), |_| Input::Tick);
                }
                Effect::KillGateway => {
                    self.begin(STEP_MAX, |world| world.kill_gateway(), Input::Killed);
                }
                Effect::Sell(sale) => {
                    self.begin(STEP_MAX, move |world| world.sell(sale), Input::Sold);
                }
            }
        }
    }

    /// A task that ends in exactly one input, whatever the world does: fail, panic or never answer.
    fn begin<T: Send + 'static>(
        &self,
        bound: Duration,
        step: impl FnOnce(&W) -> Task<T> + Send + 'static,
        input: impl FnOnce(Result<T, String>) -> Input + Send + 'static,
    ) {
        let (world, tell) = (Arc::clone(&self.world), self.tell.clone());
        tokio::spawn(async move {
            let mut work = tokio::spawn(async move { step(&world).await });
            let told = match tokio::time::timeout(bound, &mut work).await {
                Ok(Ok(told)) => told,
                Ok(Err(panicked)) => Err(format!("it broke off: {panicked}")),
                Err(_) => {
                    work.abort();
                    Err(format!("no answer within {bound:?}"))
                }
            };
            // The loop has ended; so has the process.
            drop(tell.send(Message::Input(input(told))).await);
        });
    }
}

/// The cancels of all symbols at once; what one of them took counts although another failed.
async fn together(tasks: Vec<Task<usize>>) -> Result<usize, String> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let (mut taken, mut problem) = (0, None);
    for task in running {
        match task.await.unwrap_or_else(|panicked| Err(format!("it broke off: {panicked}"))) {
            Ok(count) => taken += count,
            Err(text) => problem = problem.or(Some(text)),
        }
    }
    match problem {
        Some(problem) if taken == 0 => Err(problem),
        Some(_) | None => Ok(taken),
    }
}

async fn watch_file(path: PathBuf, tell: Tell) {
    let mut was_there = false;
    loop {
        // What cannot be looked for counts as there only when it surely is.
        let there = tokio::fs::try_exists(&path).await.unwrap_or(was_there);
        if there != was_there {
            was_there = there;
            if tell.send(Message::Input(Input::HaltFile(there))).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(HALT_FILE_EVERY).await;
    }
}
