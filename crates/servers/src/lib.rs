//! Real servers for tests and benchmarks: PostgreSQL, Redis, ClickHouse, Prometheus and one like Elasticsearch, each a private instance on a free
//! port of the loopback, with its data in a temporary directory, ended with its owner.
//!
//! A server that cannot be had is no failure: [`postgres`] and its like return `None` and leave a
//! line for `cargo xtask test`, which says at its end what was not tested. [`Proxy`] stands between
//! a client and a server and breaks the connection at a chosen moment.

mod chdb;
mod clickhouse;
mod osmem;
mod postgres;
mod process;
mod prometheus;
mod proxy;
mod redis;
mod rotel;

use std::io::Write as _;
use std::path::{Path, PathBuf};

pub use chdb::Chdb;
pub use clickhouse::ClickHouse;
pub use osmem::Osmem;
pub use postgres::Postgres;
pub use prometheus::Prometheus;
pub use proxy::Proxy;
pub use redis::Redis;
pub use rotel::{Rotel, Span};

/// A running PostgreSQL, or a loud word on what is not tested without one.
pub fn postgres(what: &str) -> Option<Postgres> {
    found(Postgres::start(), what, "PostgreSQL")
}

/// A running Redis, or a loud word on what is not tested without one.
pub fn redis(what: &str) -> Option<Redis> {
    found(Redis::start(), what, "Redis")
}

/// A running ClickHouse, or a loud word on what is not tested without one.
pub fn clickhouse(what: &str) -> Option<ClickHouse> {
    found(ClickHouse::start(), what, "ClickHouse")
}

/// A running engine of a ClickHouse of today, or a loud word on what is not tested without one.
pub fn chdb(what: &str) -> Option<Chdb> {
    found(Chdb::start(), what, "a ClickHouse of today")
}

/// A running server of Elasticsearch's protocol, or a loud word on what is not tested without one.
pub fn osmem(what: &str) -> Option<Osmem> {
    found(Osmem::start(), what, "osmem")
}

/// A running collector of OpenTelemetry, or a loud word on what is not tested without one.
pub fn rotel(what: &str) -> Option<Rotel> {
    found(Rotel::start(), what, "rotel")
}

/// A running Prometheus that scrapes these, or a loud word on what is not tested without one.
pub fn prometheus(jobs: &[(&str, &str)], rules: &Path, what: &str) -> Option<Prometheus> {
    found(Prometheus::start(jobs, rules), what, "Prometheus")
}

/// The interpreter of the tests' Python environment, with a package in it; or a loud word on what is not
/// tested without it.
pub fn python_with(package: &str, what: &str) -> Option<PathBuf> {
    let has = |python: &PathBuf| {
        let mut import = std::process::Command::new(python);
        import.args(["-c", &format!("import {package}")]);
        process::run(import)
    };
    let python = python().ok_or_else(|| "there is no Python environment of the tests".to_owned());
    let there = python.and_then(|python| has(&python).map(|()| python));
    found(there, what, package)
}

/// Where `cargo xtask test` puts what tests of sinks need.
fn python() -> Option<PathBuf> {
    let python = target_dir()?.join("sinks/bin/python");
    python.is_file().then_some(python)
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
