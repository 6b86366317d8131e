//! `plimsoll metrics`: how a gateway is, in numbers, for Prometheus.
//!
//! A process of its own, as the dashboard is, and for the same reasons: `plimsoll run` starts one where the
//! configuration has a `[metrics]`. It holds no key; by hand it may be started beside a gateway that runs, or in its place.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ::dashboard::{Access, Watch};
use ::metrics::{Known, ServeError, Settings};
use anyhow::anyhow;
use journal::Address;
use runtime::config::{Config, PortConfig};
use runtime::control::{self, Answer, Ask};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::status::Watched;
use crate::{beside, private, signals, sockets};

/// Where it listens unless told.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9464);
/// The token where the configuration names none.
const TOKEN: &str = "PLIMSOLL_METRICS_TOKEN";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where it listens; port 0 takes any free one. Unless told, what [metrics] says, else 127.0.0.1:9464.
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
    let mut config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    let port = config.metrics.take();
    let token = match (&told, port.as_ref().and_then(|port| port.token.as_ref())) {
        (Some(told), _) => told.token.clone(),
        (None, Some(source)) => Some(source.read().map_err(Failure::usage)?.reveal().to_owned()),
        (None, None) => std::env::var(TOKEN).ok(),
    };
    let journal = match told.and_then(|told| told.store_password) {
        Some(password) => config.store.clone().with_password(&password),
        None => config.journal().map_err(Failure::usage)?,
    };
    let PortConfig { listen, hosts, .. } =
        port.unwrap_or(PortConfig { listen: LISTEN, token: None, hosts: Vec::new() });
    let listen = args.listen.unwrap_or(listen);
    let access = Access { table: beside::METRICS, token, hosts };
    let settings = settings(config, journal)?;
    sockets::threads()?.block_on(async {
        let mut stop = signals::stop_on_signal()?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::usage(anyhow!(error).context(format!(
                "metrics cannot be served on {listen}; name another port with --listen or in [metrics]"
            )))
        })?;
        let address = listener.local_addr()?;
        let server = ::metrics::serve(listener, access, settings).map_err(failure)?;
        ready(address, args.of_gateway)?;
        tokio::select! {
            () = server.run() => {}
            // Nobody is left to say it: then there is nothing to wait for.
            _ = stop.wait_for(|stop| *stop) => {}
            () = beside::orphaned(), if args.of_gateway => {}
        }
        Ok(())
    })
}

fn ready(address: SocketAddr, of_gateway: bool) -> std::io::Result<()> {
    if of_gateway {
        tracing::info!("metrics are at http://{address}/metrics");
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "metrics at http://{address}/metrics")?;
    out.flush()
}

/// What may not be served this way is wrong usage.
fn failure(error: ServeError) -> Failure {
    match error {
        ServeError::Access(error) => Failure::usage(error),
        ServeError::System(error) => Failure::Failed(error.into()),
    }
}

fn settings(config: Config, journal: Address) -> Result<Settings, Failure> {
    let directory =
        runtime::budget::directory(config.state_dir.as_deref()).map_err(Failure::usage)?;
    let known = Known {
        agents: config.agents.keys().map(ToString::to_string).collect(),
        instruments: config.venue.1.instruments.iter().map(ToString::to_string).collect(),
    };
    let store = config.store.clone();
    let watched = Watched::new(journal.clone(), directory.clone(), Some(config));
    Ok(Settings {
        journal,
        watch: Box::new(Looking { watched, directory, store }),
        known,
        version: env!("CARGO_PKG_VERSION"),
        clock: runtime::clock::now,
    })
}

/// What `plimsoll status` says, and how long the journal's writes take.
struct Looking {
    watched: Watched,
    directory: PathBuf,
    store: Address,
}

impl Watch for Looking {
    fn look(&mut self) -> Result<Value, String> {
        let mut object = self.watched.look().map_err(|error| error.to_string())?;
        if object["running"] == true {
            object["flushes"] = flushes(&self.directory, &self.store);
        }
        Ok(object)
    }
}

/// Null where no gateway answers on this host.
fn flushes(directory: &Path, store: &Address) -> Value {
    let asked = control::socket(directory, store)
        .ok()
        .and_then(|socket| control::ask(&socket, &Ask::Flushes {}).ok());
    match asked {
        Some(Answer::Flushes(counts)) => json!(counts),
        _ => Value::Null,
    }
}
