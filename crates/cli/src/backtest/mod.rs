//! `plimsoll backtest`: a strategy on recorded market data, through the gateway and its guardrails, against a
//! simulated exchange.

mod ahead;
mod args;
mod assumed;
mod chart;
mod fees;
mod html;
mod once;
mod text;
mod trouble;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use ::backtest::Journal;
use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};

pub(crate) use self::args::{Args, fees_in, fill};
pub(crate) use self::fees::{bps, rate};
pub(crate) use self::html::{STYLE, escaped};
use self::once::{Run, once};
use crate::failure::Failure;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let setup = args.setup()?;
    let journal = args.journal.as_deref().map(JournalFile::create).transpose()?;
    let into = journal.as_ref().map(JournalFile::writer);
    let run = once(args, &setup, into)?;
    if let Some(journal) = journal {
        journal.done()?;
    }
    let others = if args.alone { Vec::new() } else { assumed::others(args, &setup)? };
    if let Some(file) = &args.report {
        let title = format!("{} on {}", args.agent, run.report.instruments.join(", "));
        whole(file, &html::page(&title, &command(), &run, &others))?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json(&run, &others))?;
    } else {
        write!(out, "{}", text::of(&run, &others))?;
    }
    Ok(())
}

/// The command that makes this report again.
pub(crate) fn command() -> String {
    let words = std::env::args().skip(1).map(|word| {
        let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,%+".contains(c);
        if word.chars().all(is_plain) { word } else { format!("'{word}'") }
    });
    format!("plimsoll {}", words.collect::<Vec<_>>().join(" "))
}

/// A file in the folder of another one, which it is to replace. As readable as any that a user makes: there are no
/// secrets in it.
fn beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Writes a file that is there when it is whole.
pub(crate) fn whole(path: &Path, text: &str) -> Result<(), Failure> {
    let problem = || format!("{} was not written", path.display());
    let mut file = beside(path).with_context(problem)?;
    file.write_all(text.as_bytes()).with_context(problem)?;
    file.persist(path).map_err(|error| error.error).with_context(problem)?;
    Ok(())
}

/// The contract's keys first, then all else that is known.
fn json(run: &Run, others: &[(&'static str, Run)]) -> Value {
    let mut value = figures(run);
    if let Some(object) = value.as_object_mut()
        && !others.is_empty()
    {
        let others = others.iter().map(|(name, run)| ((*name).to_owned(), figures(run)));
        object.insert("assumptions".to_owned(), Value::Object(others.collect()));
    }
    value
}

fn figures(run: &Run) -> Value {
    let seconds = run.took.as_secs_f64();
    let rate = if seconds > 0.0 { run.report.events as f64 / seconds } else { 0.0 };
    let mut value = json!(run.report);
    if let Some(object) = value.as_object_mut() {
        object.insert("run_seconds".to_owned(), json!(seconds));
        object.insert("events_per_second".to_owned(), json!(rate));
    }
    value
}

/// Records of the gateway, one JSON object a line, in a file that is there when it is whole.
struct JournalFile {
    path: std::path::PathBuf,
    inner: Arc<Mutex<Writing>>,
}

struct Writing {
    out: BufWriter<tempfile::NamedTempFile<File>>,
    failed: Option<std::io::Error>,
}

impl JournalFile {
    fn create(path: &Path) -> Result<JournalFile, Failure> {
        let problem = || format!("the journal {} cannot be made", path.display());
        let file = beside(path).with_context(problem)?;
        let inner = Writing { out: BufWriter::new(file), failed: None };
        Ok(JournalFile { path: path.to_owned(), inner: Arc::new(Mutex::new(inner)) })
    }

    fn writer(&self) -> Journal {
        let inner = self.inner.clone();
        Box::new(move |entry| {
            let mut inner = inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if inner.failed.is_none() {
                let line = serde_json::to_writer(&mut inner.out, entry).map_err(Into::into);
                inner.failed = line.and_then(|()| inner.out.write_all(b"\n")).err();
            }
        })
    }

    fn done(self) -> Result<(), Failure> {
        let shown = self.path.display().to_string();
        let inner = Arc::into_inner(self.inner).and_then(|inner| inner.into_inner().ok());
        let Writing { out, failed } =
            inner.ok_or_else(|| anyhow!("{shown}: still being written"))?;
        let problem = || format!("the journal {shown} was not written");
        if let Some(error) = failed {
            return Err(anyhow::Error::from(error).context(problem()).into());
        }
        let file = out.into_inner().map_err(|error| error.into_error()).with_context(problem)?;
        file.persist(&self.path).map_err(|error| error.error).with_context(problem)?;
        Ok(())
    }
}
