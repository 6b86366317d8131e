//! Starting other programs from the root of the repository: the few ways in which tasks do it.
//!
//! No program started here gets standard input: a task never asks anything, so that it does the
//! same in a terminal and at the gate.

use std::fmt;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// Wrong arguments: told apart from a task that failed, because it ends with exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (`cargo xtask` lists the tasks and their arguments)", self.0)
    }
}

impl std::error::Error for Usage {}

/// The folder that holds the workspace manifest.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// A command run in the root of the repository.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that started this task.
///
/// `cargo run` describes our own package in the environment. Some build scripts watch those
/// variables, so leaving them set would compile half the tree again at each change between
/// `cargo build` and `cargo xtask`.
pub(crate) fn cargo() -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&key);
        }
    }
    command
}

/// How a person would type it. Environment variables set for it are left out.
pub(crate) fn spell(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}

/// Runs to the end with its output on ours; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = spell(command);
    let status = command.status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// Standard output as text; an exit code other than 0 is an error that quotes standard error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let name = spell(command);
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{name}` failed ({}): {}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{name}` printed no UTF-8"))
}

/// Whether it can be started and says that all is well; prints nothing.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What [`tee`] saw.
pub(crate) struct Seen {
    /// Exit code 0.
    pub(crate) success: bool,
    /// Both streams, without colours; the order between the two is not kept.
    pub(crate) lines: Vec<String>,
}

/// Runs to the end, shows the output while it comes, and keeps it for reading.
pub(crate) fn tee(command: &mut Command) -> Result<Seen> {
    let name = spell(command);
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always").env("PY_COLORS", "1");
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let out = thread::spawn(move || copy(stdout, std::io::stdout()));
    let err = thread::spawn(move || copy(stderr, std::io::stderr()));
    let mut lines = out.join().unwrap_or_default();
    lines.extend(err.join().unwrap_or_default());
    let success = child.wait().with_context(|| format!("lost `{name}`"))?.success();
    Ok(Seen { success, lines })
}

fn copy(from: Option<impl Read>, mut to: impl Write) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(from) = from else { return lines };
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        // A closed terminal must not end the tests.
        let _ = to.write_all(&bytes).and_then(|()| to.flush());
        lines.push(without_colour(String::from_utf8_lossy(&bytes).trim_end()));
        bytes.clear();
    }
    lines
}

/// Drops the escape sequences `ESC [ ... letter`.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for escaped in chars.by_ref() {
                if escaped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Where cargo puts what it builds; follows `CARGO_TARGET_DIR`.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let text = read(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let dir = metadata["target_directory"].as_str().context("cargo metadata: no target folder")?;
    Ok(PathBuf::from(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_dropped() {
        assert_eq!(without_colour("\u{1b}[32;1m3 passed\u{1b}[0m in 1s"), "3 passed in 1s");
        assert_eq!(without_colour("plain"), "plain");
    }

    #[test]
    fn tee_keeps_both_streams_and_the_exit_code() {
        let seen = tee(command("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        assert!(!seen.success);
        assert_eq!(seen.lines, ["out", "err"]);
    }

    #[test]
    fn spelling_leaves_out_the_folder_of_the_program() {
        assert_eq!(spell(Command::new("a/b/cargo").args(["fmt", "--all"])), "cargo fmt --all");
    }
}
