//! `plimsoll demo`: the whole system on one machine, with an outage in the middle.
//!
//! Nothing here is staged: it starts the same processes that a user would start (`plimsoll venue`,
//! `plimsoll run` and through it an agent), cuts every connection for five seconds or until an order
//! has executed behind the gateway's back, and then compares what the gateway's journal says with
//! what the exchange's own books say. Where nothing executed meanwhile nothing is proven, so it fails.

mod page;
mod report;
mod story;
mod system;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::Instant;

use self::page::Page;
use self::report::{Report, Truth};
use self::story::Story;
use self::system::System;
use crate::failure::Failure;
use crate::{signals, sockets};

/// How long every connection is cut.
const OUTAGE: Duration = Duration::from_secs(5);
/// How much longer at most, until something has executed meanwhile.
const OUTAGE_MORE: Duration = Duration::from_secs(10);
/// Least length: start, outage, recovery, end.
const SECONDS_MIN: u64 = 15;
/// How often the journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Time for the gateway to be ready to trade.
const READY_MAX: Duration = Duration::from_secs(20);
/// How long the outage waits for orders on both sides that can fill meanwhile.
const ORDER_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often it is cut again because nothing of ours rested there any more.
const CUTS_MAX: usize = 5;
/// Time after the outage for the books to agree again.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long the agent trades, at least 15.
    #[arg(long, default_value_t = 30, value_name = "N",
          value_parser = clap::value_parser!(u64).range(SECONDS_MIN..=86_400))]
    seconds: u64,
    /// Where the simulated exchange listens; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// The market: synthetic:SEED, or replay:FILE for a recording of BTC-USDT.
    #[arg(long, default_value = "synthetic:7", value_name = "MARKET")]
    market: String,
    /// How much faster than recorded the market runs.
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    speed: f64,
    /// Keep the gateway's configuration and journal in this folder, to be asked afterwards.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Keep the dashboard open at the end, until it is interrupted.
    #[arg(long)]
    dashboard: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    sockets::threads()?.block_on(async {
        let stop = signals::stop_on_signal()?;
        let (report, dashboard) = Demo::start(args).await?.play(args, stop.clone()).await?;
        report.print(args.json)?;
        if let Some(folder) = &args.keep {
            let config = folder.join("plimsoll.toml");
            eprintln!("The journal is kept. Where did money go, and why?");
            eprintln!("  plimsoll report losses --config {}", config.display());
        }
        report.verdict()?;
        if args.dashboard {
            dashboard.linger(stop).await?;
        }
        Ok(())
    })
}

struct Demo {
    system: System,
    story: Story,
    page: Page,
    bar: ProgressBar,
}

impl Demo {
    async fn start(args: &Args) -> anyhow::Result<Demo> {
        let bar = ProgressBar::with_draw_target(Some(args.seconds), draw_target());
        bar.set_style(
            ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} s  {msg}")?
                .progress_chars("=> "),
        );
        bar.enable_steady_tick(LOOK_EVERY);
        let say = |line: &str| tell(&bar, line);
        let keep = args.keep.as_deref();
        let system = System::start(args.listen, &args.market, args.speed, keep).await?;
        say(&format!("A simulated exchange speaks Binance's protocol at {}.", system.venue_url()));
        say("The gateway connects to it as it would to Binance; it alone holds the key.");
        say("An agent, a market maker, runs in a process of its own and can only ask.");
        let story = Story::open(system.journal_path()).await?;
        let page = Page::open(&system.config_path()).await;
        say(&page.words());
        Ok(Demo { system, story, page, bar })
    }

    async fn play(
        mut self,
        args: &Args,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<(Report, Page)> {
        self.wait(READY_MAX, &stop, |story| story.is_active())
            .await?
            .context("the gateway did not get ready to trade")?;
        let begin = Instant::now();
        let length = Duration::from_secs(args.seconds);
        let middle = length.saturating_sub(OUTAGE) * 2 / 5;
        self.trade_until(begin, begin + middle, &stop).await?;

        self.outage(begin, &stop).await?;
        self.wait(RECOVERY_MAX, &stop, |story| story.is_active())
            .await?
            .context("the gateway did not come back after the outage")?;
        tell(&self.bar, "");
        self.trade_until(begin, begin + length, &stop).await?;

        tell(&self.bar, "The agent is stopped, its orders are taken back, the books are compared.");
        self.system.stop_gateway().await?;
        self.story.catch_up(|line| tell(&self.bar, line))?;
        let truth = self.system.truth().await?;
        self.bar.finish_and_clear();
        let report = Report::new(self.story.entries(), &truth)?;
        // The journal stays as long as somebody may look at it.
        let page = self.page.with(self.system.stop().await?);
        Ok((report, page))
    }

    /// Cuts every connection until the exchange has executed an order that the gateway has not heard
    /// of.
    async fn outage(&mut self, begin: Instant, stop: &watch::Receiver<bool>) -> anyhow::Result<()> {
        let mut missed = 0;
        for cuts in 1..=CUTS_MAX {
            // Orders have to be there for the market to take while nobody looks, whichever way it goes.
            let resting = self.wait(ORDER_WAIT_MAX, stop, |story| story.has_resting_orders());
            let resting = resting.await?.is_some();
            missed = self.cut(begin, stop).await?;
            if missed > 0 || !resting || cuts == CUTS_MAX {
                break;
            }
            // What our journal said was a little old: the market had taken them just before.
            tell(&self.bar, "    No order of ours was there to be filled: once more.");
            self.system.end_outage().await?;
            self.wait(RECOVERY_MAX, stop, |story| story.is_active()).await?;
        }
        let plural = if missed == 1 { "" } else { "s" };
        let line = format!(
            "    The exchange has {missed} execution{plural} of ours that the gateway knows nothing of."
        );
        tell(&self.bar, &line);
        self.system.end_outage().await?;
        tell(&self.bar, "--- The exchange takes connections again.");
        Ok(())
    }

    /// Cuts every connection for a while, longer as long as an order of ours rests there; gives how
    /// many executions the gateway knows nothing of.
    async fn cut(&mut self, begin: Instant, stop: &watch::Receiver<bool>) -> anyhow::Result<u64> {
        tell(&self.bar, "");
        tell(&self.bar, "--- Now the exchange drops every connection for five seconds.");
        tell(&self.bar, "    Its market goes on: orders that rest there can be filled meanwhile.");
        let cut = Instant::now();
        self.system.outage(OUTAGE, OUTAGE_MORE).await?;
        self.trade_until(begin, cut + OUTAGE, stop).await?;
        let mut truth = self.truth().await?;
        if self.missed(&truth)? == 0 && truth.has_resting_orders() {
            tell(
                &self.bar,
                "    Nothing of ours has been filled yet; the outage goes on until then.",
            );
        }
        while self.missed(&truth)? == 0
            && truth.has_resting_orders()
            && cut.elapsed() < OUTAGE + OUTAGE_MORE
        {
            self.look(stop).await?;
            truth = self.truth().await?;
        }
        self.missed(&truth)
    }

    /// What the exchange's own books say.
    async fn truth(&self) -> anyhow::Result<Truth> {
        let state = self.system.truth().await?;
        Truth::read(&state).context("the exchange's books cannot be read")
    }

    /// Executions in the exchange's books that are not in our journal.
    fn missed(&mut self, truth: &Truth) -> anyhow::Result<u64> {
        self.story.catch_up(|line| tell(&self.bar, line))?;
        Ok(truth.executions().saturating_sub(self.story.executions()))
    }

    /// Follows the story until a time.
    async fn trade_until(
        &mut self,
        begin: Instant,
        end: Instant,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        while Instant::now() < end {
            self.look(stop).await?;
            self.bar.set_position(begin.elapsed().as_secs());
            self.bar.set_message(self.story.status());
        }
        Ok(())
    }

    /// Follows the story until something is so; `None` when it takes too long.
    async fn wait(
        &mut self,
        max: Duration,
        stop: &watch::Receiver<bool>,
        so: impl Fn(&Story) -> bool,
    ) -> anyhow::Result<Option<()>> {
        let end = Instant::now() + max;
        while !so(&self.story) {
            if Instant::now() >= end {
                return Ok(None);
            }
            self.look(stop).await?;
        }
        Ok(Some(()))
    }

    async fn look(&mut self, stop: &watch::Receiver<bool>) -> anyhow::Result<()> {
        if *stop.borrow() {
            bail!("interrupted");
        }
        self.system.check()?;
        let bar = &self.bar;
        self.story.catch_up(|line| tell(bar, line))?;
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }
}

/// A live display on a terminal, nothing elsewhere.
fn draw_target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// One line of the story, above the live display or as it is.
fn tell(bar: &ProgressBar, line: &str) {
    if bar.is_hidden() { eprintln!("{line}") } else { bar.println(line) }
}
