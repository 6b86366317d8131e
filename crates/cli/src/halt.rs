//! `plimsoll halt`, and the dashboard's button: stops trading, by the first way that works and, where no gateway answers, by all that are
//! left: the watchdog's own latch, and the halt file that a gateway finds while it runs or when it starts.
//!
//! It needs of the configuration what says where things are, and nothing else: who wants to halt is not to be
//! told first that a limit is missing.

mod watchdog;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::anyhow;
use model::HaltedBy;
use runtime::config::Place;
use runtime::control::{self, Answer, Ask, Trading};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::status;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Why; it goes into the journal and to everybody who is told.
    #[arg(long, value_name = "TEXT", default_value = "a person halted it")]
    reason: String,
    /// Let nothing out any more, cancels neither: for when the key itself is in wrong hands.
    #[arg(long)]
    dark: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What a halt file and a watchdog cannot do.
const NOT_DARK: &str = "no gateway answered, and only a gateway can let nothing out: what is left halts, and its \
                        cancels still go out with the keys there are; revoke the keys at the exchange";

/// What is left when nothing worked.
pub(crate) const NOTHING: &str =
    "nothing was halted: cancel at the exchange, and revoke the key there";

/// One way to halt, and whether it worked.
struct Way {
    /// `gateway`, `watchdog`, `halt_file`; `dark`, where that was asked for and is not to be had.
    who: &'static str,
    /// What it came to, or why it did not.
    done: Result<String, String>,
}

/// What is wanted.
pub(crate) struct Wish {
    /// Why.
    pub(crate) reason: String,
    /// Let nothing out any more, cancels neither.
    pub(crate) dark: bool,
    /// Who wants it.
    pub(crate) by: HaltedBy,
}

/// What it came to.
pub(crate) struct Done {
    ways: Vec<Way>,
    /// What the gateway lets through now, where one answered.
    trading: Option<Trading>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let place = runtime::config::place(&args.config).map_err(Failure::usage)?;
    let wish = Wish { reason: args.reason.clone(), dark: args.dark, by: HaltedBy::Person };
    let done = halt(&wish, &place)?;
    tell(args, &done)?;
    match (done.is_halted(), args.dark && done.trading.is_none()) {
        (true, false) => Ok(()),
        (true, true) => Err(anyhow!("halted, and not dark: {NOT_DARK}").into()),
        (false, _) => Err(anyhow!(NOTHING).into()),
    }
}

/// Halts, by the first way that works.
pub(crate) fn halt(wish: &Wish, place: &Place) -> Result<Done, Failure> {
    let directory = runtime::budget::directory(place.state_dir.as_deref())?;
    let mut ways = Vec::new();
    let mut trading = None;
    match gateway(wish, place, &directory) {
        Ok(now) => {
            let said = format!("{}: {}", status::word(now.state), now.cause);
            ways.push(Way { who: "gateway", done: Ok(said) });
            trading = Some(now);
        }
        Err(problem) => {
            ways.push(Way { who: "gateway", done: Err(problem) });
            if let Some(done) = watchdog::halt(place, &wish.reason) {
                ways.push(Way { who: "watchdog", done });
            }
            ways.push(Way { who: "halt_file", done: halt_file(wish, place, &directory) });
            if wish.dark {
                ways.push(Way { who: "dark", done: Err(NOT_DARK.to_owned()) });
            }
        }
    }
    Ok(Done { ways, trading })
}

impl Done {
    pub(crate) fn is_halted(&self) -> bool {
        self.ways.iter().any(|way| way.done.is_ok())
    }

    pub(crate) fn json(&self) -> Value {
        let way = |way: &Way| match &way.done {
            Ok(said) => json!({"who": way.who, "done": true, "said": said}),
            Err(problem) => json!({"who": way.who, "done": false, "problem": problem}),
        };
        let asked: Vec<Value> = self.ways.iter().map(way).collect();
        json!({"halted": self.is_halted(), "trading": self.trading, "asked": asked})
    }
}

fn gateway(wish: &Wish, place: &Place, directory: &Path) -> Result<Trading, String> {
    let socket = control::socket(directory, &place.store)
        .map_err(|_| "no gateway was ever started on this journal".to_owned())?;
    let (reason, dark, by) = (wish.reason.clone(), wish.dark, wish.by);
    match control::ask(&socket, &Ask::Halt { reason, dark, by }) {
        Ok(Answer::Halted(trading)) => Ok(trading),
        Ok(Answer::Error(problem)) => Err(problem),
        Ok(_) => Err("the gateway answers something else".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn halt_file(wish: &Wish, place: &Place, directory: &Path) -> Result<String, String> {
    let path = control::halt_file(directory, &place.store).map_err(|error| error.to_string())?;
    let now = runtime::clock::now();
    let is_button = wish.by == HaltedBy::Dashboard;
    let from = if is_button { "the dashboard" } else { "plimsoll halt" };
    let text = format!("{} ({from}, at {now})\n", wish.reason);
    let halts = "it halts a gateway that runs, and the next that starts";
    match control::write_halt_file(&path, &text) {
        Ok(()) => Ok(format!("{} is there: {halts}", path.display())),
        // That it is there is what halts; its text only says why, and a disk may have no room for it.
        Err(problem) => match empty_file(&path) {
            Ok(()) => Ok(format!(
                "{} is there: {halts}; its text is not, so the cause is not told ({problem})",
                path.display()
            )),
            Err(_) => Err(format!("{}: cannot be written: {problem}", path.display())),
        },
    }
}

/// A file with nothing in it, in the place of whatever is there: one that is touched halts once more. Without room
/// for another name in the directory the one that could not be written takes this name.
fn empty_file(path: &Path) -> std::io::Result<()> {
    let made = File::create(path).and_then(|file| file.set_modified(SystemTime::now()));
    made.or_else(|_| std::fs::rename(path.with_extension("halting"), path))?;
    // It is there for whoever looks, durable or not.
    let directory = path.parent().and_then(|parent| File::open(parent).ok());
    drop(directory.map(|directory| directory.sync_all()));
    Ok(())
}

fn tell(args: &Args, done: &Done) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", done.json())?;
        return Ok(());
    }
    for Way { who, done } in &done.ways {
        match done {
            Ok(said) => writeln!(out, "{who:<12} {said}")?,
            Err(problem) => writeln!(out, "{who:<12} NOT: {problem}")?,
        }
    }
    Ok(())
}
