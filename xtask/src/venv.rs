//! Python environments of third-party programs, each made once: `target/venv` of the clients, `target/peers/` of
//! the backtesters.
//!
//! They live among the build products, so that nothing is installed into the user's own Python and
//! `cargo clean` removes them. One is made again when its requirements change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// Written last, with the requirements as installed: an environment without it is half made.
const STAMP: &str = "plimsoll-requirements";

/// What came of the wish for an environment.
pub(crate) enum Venv {
    /// Its Python interpreter.
    Ready(PathBuf),
    /// This machine cannot have one, and why.
    Absent(String),
}

/// The environment in a folder, with what a file of requirements names.
///
/// A failed installation is an error, not an absence: a requirement that does not exist any more
/// must not look like a machine without Python.
pub(crate) fn ready(dir: &Path, requirements: &str) -> Result<Venv> {
    let python = dir.join("bin/python");
    let Ok(wanted) = fs::read_to_string(shell::root().join(requirements)) else {
        return Ok(Venv::Absent(format!("{requirements} is not there")));
    };
    if fs::read_to_string(dir.join(STAMP)).is_ok_and(|installed| installed == wanted)
        && shell::works(shell::command(&python).arg("--version"))
    {
        return Ok(Venv::Ready(python));
    }
    if let Some(reason) = missing() {
        return Ok(Venv::Absent(reason));
    }
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    println!("xtask: installing {requirements} into {}", dir.display());
    shell::run(shell::command("python3").args(["-m", "venv"]).arg(dir))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    shell::run(shell::command(&python).args(pip).arg(requirements))
        .with_context(|| format!("{requirements} was not installed"))?;
    fs::write(dir.join(STAMP), wanted)?;
    Ok(Venv::Ready(python))
}

/// `None` once there is a Python that can make environments with pip in them.
fn missing() -> Option<String> {
    let works = || shell::works(shell::command("python3").args(["-c", "import venv, ensurepip"]));
    if works() {
        return None;
    }
    // A machine of the gate is ours to change; a developer's is not.
    if std::env::var_os("CI").is_some() && shell::works(shell::command("apt-get").arg("--version"))
    {
        println!("xtask: installing python3 and python3-venv");
        let tried = shell::run(shell::command("apt-get").args(["update", "-q"])).and_then(|()| {
            shell::run(shell::command("apt-get").args([
                "install",
                "-qy",
                "python3",
                "python3-venv",
            ]))
        });
        if let Err(error) = tried {
            eprintln!("xtask: {error:#}");
        }
        if works() {
            return None;
        }
    }
    let python = shell::works(shell::command("python3").arg("--version"));
    let lacking = if python { "venv and pip (Debian: python3-venv)" } else { "python3" };
    Some(format!("this machine lacks {lacking}"))
}
