//! From a configuration to a running kill switch.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::alerts::Alerts;
use crate::config::{AlertAddress, Config, ConfigError, SecretError};
use crate::control::Known;
use crate::core::Setup;
use crate::core::effect::Input;
use crate::core::ledger::Marks;
use crate::core::words::Latch;
use crate::disk::Disk;
use crate::shell::{Message, Shell, Tell};
use crate::venue::sign::key_fingerprint;
use crate::venue::{Client, StartError};
use crate::world::{Real, World};
use crate::{control, heartbeat, metrics, paper};

/// A token shorter than this can be guessed, characters.
const TOKEN_MIN: usize = 16;
/// How often the exchange is asked for its limits.
const LIMITS_EVERY: Duration = Duration::from_secs(600);

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration, or a secret that it names.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret is not where it should be.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The token can be guessed.
    #[error("watchdog.token: is shorter than {TOKEN_MIN} characters; take a random one")]
    Token,
    /// The API key.
    #[error("watchdog.key, watchdog.secret: {0}")]
    Key(#[from] StartError),
    /// Nothing durable could be kept.
    #[error("watchdog.state_dir {}: {source}; the latch has to survive, so it does not start", path.display())]
    State {
        /// Which directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A port.
    #[error("watchdog.{key} {address:?}: {source}")]
    Listen {
        /// Which key.
        key: &'static str,
        /// Which address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Metrics have no token, so they are this host's alone.
    #[error(
        "watchdog.metrics: {0} can be reached from other hosts, and metrics have no token; listen on 127.0.0.1"
    )]
    Metrics(SocketAddr),
    /// The operating system.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl RunError {
    /// Another configuration would help.
    pub fn is_usage(&self) -> bool {
        match self {
            RunError::Config(_)
            | RunError::Secret(_)
            | RunError::Token
            | RunError::Key(_)
            | RunError::Metrics(_) => true,
            RunError::State { .. } | RunError::Listen { .. } | RunError::System(_) => false,
        }
    }
}

/// Everything that is needed, checked; its ports are open.
#[derive(Debug)]
pub struct Watchdog {
    /// Where the gateway beats.
    pub heartbeat: SocketAddr,
    /// Where a person is heard.
    pub control: SocketAddr,
    /// Where it is scraped, where it is.
    pub metrics: Option<SocketAddr>,
    ports: [TcpListener; 2],
    scraped: Option<TcpListener>,
    token: Arc<str>,
    key_fingerprint: Arc<str>,
    setup: Setup,
    latch: Option<Latch>,
    marks: Marks,
    halt_file: Option<PathBuf>,
    real: Arc<Real>,
    /// Listened to from the start: unheard it would end the process.
    halts: Signal,
}

impl Watchdog {
    /// Reads what is on the disk and opens the ports.
    pub async fn open(config: Config) -> Result<Watchdog, RunError> {
        let Config { dialect, rest, instruments, limits, watchdog: table, paper: on_paper } =
            config;
        let token: Arc<str> = table.token.read("token")?.as_str().into();
        if token.chars().count() < TOKEN_MIN {
            return Err(RunError::Token);
        }
        let (key, secret) = match (&table.key, &table.secret) {
            (Some(key), Some(secret)) => (key.read("key")?, secret.read("secret")?),
            // On paper.
            _ => (Zeroizing::new(paper::KEY.to_owned()), paper::secret(&token)),
        };
        let key_fingerprint = key_fingerprint(&token, &key).into();
        let (rest, local) = (rest.as_deref(), table.local_address);
        let client = Client::new(dialect, rest, local, &key, &secret, instruments.clone())?;
        let state = |path: &PathBuf| {
            let path = path.clone();
            move |source| RunError::State { path, source }
        };
        let disk = Disk::open(&table.state_dir).map_err(state(&table.state_dir))?;
        let latch = disk.latch();
        let marks = disk.marks().map_err(state(&disk.marks_path()))?;
        let heartbeat = listen("heartbeat", &table.heartbeat).await?;
        let control = listen("control", &table.control).await?;
        let scraped = match &table.metrics {
            Some(address) => Some(scraped(address).await?),
            None => None,
        };
        let alerts = table.alert.iter().map(AlertAddress::read).collect::<Result<Vec<_>, _>>()?;
        let alerts = Alerts::start(&alerts).map_err(io::Error::other)?;
        let setup = Setup {
            pace: dialect.pace(instruments.len()),
            all_executions: dialect.lists_all_executions(),
            instruments,
            limits,
            own_prefix: table.own_prefix,
            kill_gateway: table.kill_gateway,
            flatten: table.flatten,
            paper: on_paper,
        };
        Ok(Watchdog {
            heartbeat: heartbeat.local_addr()?,
            control: control.local_addr()?,
            metrics: scraped.as_ref().map(TcpListener::local_addr).transpose()?,
            ports: [heartbeat, control],
            scraped,
            token,
            key_fingerprint,
            setup,
            latch,
            marks,
            halt_file: table.halt_file,
            halts: signal(SignalKind::user_defined1())?,
            real: Arc::new(Real::new(client, disk, alerts, table.gateway_pid_file)),
        })
    }

    /// The world that it acts in.
    pub fn world(&self) -> Arc<Real> {
        Arc::clone(&self.real)
    }

    /// Runs in the real world until told to stop.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), RunError> {
        let real = self.world();
        let learns = Arc::clone(&real);
        let learning = tokio::spawn(async move {
            loop {
                learns.learn_limits().await;
                tokio::time::sleep(LIMITS_EVERY).await;
            }
        });
        let ended = self.run_in(real, stop).await;
        learning.abort();
        ended
    }

    /// Runs in a world until told to stop. SIGUSR1 halts.
    pub async fn run_in<W: World>(
        self,
        world: Arc<W>,
        stop: watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let shell = Shell::new(world, self.setup, self.latch, self.marks);
        let tell = shell.tell();
        let [beats, people] = self.ports;
        let (token, key_fingerprint) = (&self.token, self.key_fingerprint);
        let scraped = self.scraped.map(|port| tokio::spawn(metrics::serve(port, tell.clone())));
        let servers = [
            tokio::spawn(halt_on_signal(self.halts, tell.clone())),
            tokio::spawn(heartbeat::serve(beats, Arc::clone(token), tell.clone())),
            tokio::spawn(control::serve(
                people,
                Known { token: Arc::clone(token), key_fingerprint },
                tell,
            )),
        ];
        shell.run(self.halt_file, stop).await;
        servers.iter().chain(&scraped).for_each(tokio::task::JoinHandle::abort);
        Ok(())
    }
}

async fn listen(key: &'static str, address: &str) -> Result<TcpListener, RunError> {
    let failed = |source| RunError::Listen { key, address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    if !listener.local_addr().map_err(failed)?.ip().is_loopback() {
        tracing::warn!("watchdog.{key}: {address} can be reached from other hosts");
    }
    Ok(listener)
}

/// A port that only this host reaches.
async fn scraped(address: &str) -> Result<TcpListener, RunError> {
    let failed = |source| RunError::Listen { key: "metrics", address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    if bound.ip().is_loopback() { Ok(listener) } else { Err(RunError::Metrics(bound)) }
}

async fn halt_on_signal(mut halts: Signal, tell: Tell) {
    while halts.recv().await.is_some() {
        let halt = Input::Halt { by: "signal", cause: "SIGUSR1".to_owned() };
        if tell.send(Message::Input(halt)).await.is_err() {
            return;
        }
    }
}
