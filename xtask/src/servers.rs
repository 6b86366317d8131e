//! The servers that tests and benchmarks of stores start: their packages.
//!
//! Only root can install, and only a machine of the gate or one whose owner works as root is ours to
//! change. Where they cannot be had, the tests say themselves what they leave out.

use std::path::{Path, PathBuf};

use crate::shell;
use crate::venv::{self, Venv};

/// Package and the program that it is wanted for.
const PACKAGES: &[(&str, &str)] = &[
    ("postgresql", "postgres"),
    ("redis-server", "redis-server"),
    ("clickhouse-server", "clickhouse-server"),
    ("prometheus", "prometheus"),
    // The tests of the dashboard look at it as a person does.
    ("chromium", "chromium"),
];
/// Python packages of the tests of sinks, and where they go among the build products.
const PYTHON: (&str, &str) = ("sinks", "crates/sinks/requirements.txt");
/// Where Debian keeps programs that are not on the path.
const OFF_PATH: &str = "/usr/lib/postgresql";

/// Makes the Python environment of the sinks' tests, where that can be; they say themselves what they leave out.
pub(crate) fn python_ready() {
    let (name, requirements) = PYTHON;
    let made = shell::target_dir().and_then(|target| venv::ready(&target.join(name), requirements));
    match made {
        Ok(Venv::Ready(_)) => {}
        Ok(Venv::Absent(reason)) => eprintln!("xtask: no Python for the tests of sinks: {reason}"),
        Err(error) => eprintln!("xtask: no Python for the tests of sinks: {error:#}"),
    }
}

/// Installs what is missing, if it may. Never an error: a test without its server is said at the end.
pub(crate) fn ready() {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, program)| !is_there(program))
        .map(|(package, _)| *package)
        .collect();
    let may = is_root() && shell::works(shell::command("apt-get").arg("--version"));
    if missing.is_empty() || !may {
        return;
    }
    println!("xtask: installing {}", missing.join(" and "));
    let apt = |args: &[&str]| {
        let mut command = shell::command("apt-get");
        // The tests start instances of their own; the system's would be in nobody's service.
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").args(args);
        shell::run(&mut command)
    };
    let tried = apt(&["update", "-q"]).and_then(|()| {
        let mut args = vec!["install", "-qy", "--no-install-recommends"];
        args.extend(&missing);
        apt(&args)
    });
    if let Err(error) = tried {
        eprintln!("xtask: {error:#}");
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let on_path = folders.any(|folder| folder.join(program).is_file());
    let versions = std::fs::read_dir(Path::new(OFF_PATH)).into_iter().flatten().flatten();
    on_path || versions.into_iter().any(|v| v.path().join("bin").join(program).is_file())
}

fn is_root() -> bool {
    shell::read(shell::command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_where_they_are() {
        assert!(is_there("sh"));
        assert!(!is_there("no-such-program"));
    }
}
