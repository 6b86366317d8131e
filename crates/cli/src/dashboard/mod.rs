//! `plimsoll dashboard`: what a gateway does, in a browser. On a gateway's configuration, or on the journal of a
//! finished run or a backtest.
//!
//! It is a process of its own, and `plimsoll run` starts one where the configuration has a `[dashboard]` (`beside.rs`): it
//! holds no key, its work is never in the way of an order's, and what kills it kills nothing else.

mod desk;

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, anyhow};
use dashboard::Access;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::asked::Journal;
use crate::failure::Failure;
use crate::{beside, private, signals};

/// Where it listens unless told.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9400);
/// The token of a dashboard whose configuration names none.
const TOKEN: &str = "PLIMSOLL_DASHBOARD_TOKEN";
/// Threads that answer browsers. What they ask is read by two others.
const THREADS: usize = 2;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    journal: Journal,
    /// Where it listens; port 0 takes any free one. Unless told, what [dashboard] says, else 127.0.0.1:9400.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Started by a gateway, which tells its secrets on standard input and ends it by closing that.
    #[arg(long, hide = true)]
    of_gateway: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    private::keep();
    let told = args.of_gateway.then(beside::Lines::read).transpose()?;
    if told.is_some() {
        beside::stand_back();
    }
    let opened = desk::open(&args.journal, told.as_ref())?;
    let token = match (&told, &opened.token) {
        (Some(told), _) => told.token.clone(),
        (None, Some(token)) => Some(token.clone()),
        (None, None) => std::env::var(TOKEN).ok(),
    };
    let listen = args.listen.or(opened.listen).unwrap_or(LISTEN);
    let access = Access { table: beside::DASHBOARD, token, hosts: opened.hosts };
    threads()?.block_on(async {
        let mut stop = signals::stop_on_signal()?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::usage(anyhow!(error).context(format!(
                "the dashboard cannot listen on {listen}; name another port with --listen or in [dashboard]"
            )))
        })?;
        let address = listener.local_addr()?;
        let is_locked = access.token.is_some();
        let server = dashboard::serve(listener, access, opened.settings).map_err(failure)?;
        ready(address, is_locked, told.is_some())?;
        tokio::select! {
            () = server.run() => {}
            _ = stopped(&mut stop) => {}
            () = beside::orphaned(), if told.is_some() => {}
        }
        Ok(())
    })
}

/// A dashboard that may not be opened this way is wrong usage.
fn failure(error: dashboard::ServeError) -> Failure {
    match error {
        dashboard::ServeError::Access(error) => Failure::usage(error),
        dashboard::ServeError::System(error) => Failure::Failed(error.into()),
    }
}

fn ready(address: SocketAddr, is_locked: bool, of_gateway: bool) -> Result<(), Failure> {
    if of_gateway {
        tracing::info!("the dashboard is at http://{address}");
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "dashboard at http://{address}")?;
    out.flush()?;
    if is_locked {
        eprintln!("It asks for the token.");
    }
    Ok(())
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Nobody is left to say it: then there is nothing to wait for.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let threads = threads.worker_threads(THREADS).enable_all().build();
    Ok(threads.context("cannot start worker threads")?)
}
