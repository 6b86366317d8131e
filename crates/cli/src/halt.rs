//! `plimsoll halt`: stops trading, by the first way that works and, where no gateway answers, by all that are
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

/// One way to halt, and whether it worked.
struct Way {
    /// `gateway`, `watchdog`, `halt_file`; `dark`, where that was asked for and is not to be had.
    who: &'static str,
    /// What it came to, or why it did not.
    done: Result<String, String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let place = runtime::config::place(&args.config).map_err(Failure::usage)?;
    let directory = runtime::budget::directory(place.state_dir.as_deref())?;
    let mut ways = Vec::new();
    let mut trading = None;
    match gateway(args, &place, &directory) {
        Ok(now) => {
            let said = format!("{}: {}", status::word(now.state), now.cause);
            ways.push(Way { who: "gateway", done: Ok(said) });
            trading = Some(now);
        }
        Err(problem) => {
            ways.push(Way { who: "gateway", done: Err(problem) });
            if let Some(done) = watchdog::halt(&place, &args.reason) {
                ways.push(Way { who: "watchdog", done });
            }
            ways.push(Way { who: "halt_file", done: halt_file(args, &place, &directory) });
            if args.dark {
                ways.push(Way { who: "dark", done: Err(NOT_DARK.to_owned()) });
            }
        }
    }
    let is_halted = ways.iter().any(|way| way.done.is_ok());
    tell(args, &ways, trading.as_ref(), is_halted)?;
    match (is_halted, args.dark && trading.is_none()) {
        (true, false) => Ok(()),
        (true, true) => Err(anyhow!("halted, and not dark: {NOT_DARK}").into()),
        (false, _) => {
            let text = "nothing was halted: cancel at the exchange, and revoke the key there";
            Err(anyhow!(text).into())
        }
    }
}

fn gateway(args: &Args, place: &Place, directory: &Path) -> Result<Trading, String> {
    let socket = control::socket(directory, &place.store)
        .map_err(|_| "no gateway was ever started on this journal".to_owned())?;
    let (reason, dark, by) = (args.reason.clone(), args.dark, HaltedBy::Person);
    match control::ask(&socket, &Ask::Halt { reason, dark, by }) {
        Ok(Answer::Halted(trading)) => Ok(trading),
        Ok(Answer::Error(problem)) => Err(problem),
        Ok(_) => Err("the gateway answers something else".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn halt_file(args: &Args, place: &Place, directory: &Path) -> Result<String, String> {
    let path = control::halt_file(directory, &place.store).map_err(|error| error.to_string())?;
    let now = runtime::clock::now();
    let text = format!("{} (plimsoll halt, at {now})\n", args.reason);
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

fn tell(
    args: &Args,
    ways: &[Way],
    trading: Option<&Trading>,
    is_halted: bool,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let ways: Vec<Value> = ways
            .iter()
            .map(|way| match &way.done {
                Ok(said) => json!({"who": way.who, "done": true, "said": said}),
                Err(problem) => json!({"who": way.who, "done": false, "problem": problem}),
            })
            .collect();
        writeln!(out, "{}", json!({"halted": is_halted, "trading": trading, "asked": ways}))?;
        return Ok(());
    }
    for Way { who, done } in ways {
        match done {
            Ok(said) => writeln!(out, "{who:<12} {said}")?,
            Err(problem) => writeln!(out, "{who:<12} NOT: {problem}")?,
        }
    }
    Ok(())
}
