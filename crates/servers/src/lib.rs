//! Real servers for tests and benchmarks: PostgreSQL and Redis, each a private instance on a free
//! port of the loopback, with its data in a temporary directory, ended with its owner.
//!
//! A server that cannot be had is no failure: [`postgres`] and [`redis`] return `None` and leave a
//! line for `cargo xtask test`, which says at its end what was not tested. [`Proxy`] stands between
//! a client and a server and breaks the connection at a chosen moment.

mod postgres;
mod process;
mod proxy;
mod redis;

use std::io::Write as _;
use std::path::PathBuf;

pub use postgres::Postgres;
pub use proxy::Proxy;
pub use redis::Redis;

/// A running PostgreSQL, or a loud word on what is not tested without one.
pub fn postgres(what: &str) -> Option<Postgres> {
    found(Postgres::start(), what, "PostgreSQL")
}

/// A running Redis, or a loud word on what is not tested without one.
pub fn redis(what: &str) -> Option<Redis> {
    found(Redis::start(), what, "Redis")
}

fn found<T>(server: Result<T, String>, what: &str, on: &str) -> Option<T> {
    match server {
        Ok(server) => Some(server),
        Err(reason) => {
            not_tested(&format!("{what} on {on}, because {reason}"));
            None
        }
    }
}

/// Output of a test that passes is swallowed, so `cargo xtask test` reads this file at its end.
fn not_tested(what: &str) {
    eprintln!("NOT TESTED: {what}");
    let Some(target) = target_dir() else { return };
    let directory = target.join("tmp");
    let written = std::fs::create_dir_all(&directory).and_then(|()| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(directory.join("not-tested"))?;
        writeln!(file, "{what}")
    });
    if let Err(error) = written {
        eprintln!("and nobody will be told: {error}");
    }
}

/// Where cargo puts what it builds, this program among it: `target/PROFILE/deps/PROGRAM`, and
/// `target/PROFILE/PROGRAM` for a binary.
fn target_dir() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let profile = if folder.ends_with("deps") { folder.parent()? } else { folder };
    Some(profile.parent()?.to_owned())
}
