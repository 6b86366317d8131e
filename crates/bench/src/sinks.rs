//! Records a second into Parquet and ClickHouse, and what an order waits for while sinks work or hang.
//!
//! An order waits for its records to be durable, so that is what is timed: one order after the other at a steady
//! pace, on a journal that the product's own sink process reads meanwhile. The three cases take turns, so that
//! what else the machine does falls on all of them.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use journal::{Address, JournalWriter};
use model::{Entry, Record, StoreTag};
use servers::ClickHouse;
use sinks::{Ended, Hidden, Kind, Settings, Sink, Until};

use crate::durable::records;
use crate::table::{Latencies, Row};

/// Records of the journal that is handed over: 300 000 orders' decisions and preparations.
const RECORDS: usize = 600_000;
/// Orders of one turn.
const ORDERS: usize = 400;
/// Pause between two orders of a turn.
const PACE: Duration = Duration::from_millis(5);
/// Turns of each case.
const TURNS: usize = 6;
/// How long a sink has to have caught up before a turn.
const SETTLES: Duration = Duration::from_millis(1_500);

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
    let path = directory.path().join("rate.db");
    let address = Address::Sqlite(path.clone());
    fill(&address)?;
    let server = servers::clickhouse("records a second into ClickHouse");
    let parquet = Kind::Parquet {
        dir: directory.path().join("rate"),
        file_rows: 1_000_000,
        file_time: Duration::from_secs(3_600),
    };
    let target = ">= 100000";
    let mut rows = vec![rate("records into Parquet", target, parquet, &address, directory.path())?];
    if let Some(server) = &server {
        let kind = click(server, "rate");
        rows.push(rate("records into ClickHouse", target, kind, &address, directory.path())?);
    }
    rows.extend(latency(directory.path(), server.as_ref())?);
    Ok(rows)
}

fn click(server: &ClickHouse, table: &str) -> Kind {
    let password = Some(Hidden::new(server.password()));
    Kind::ClickHouse {
        url: server.url(),
        database: "default".to_owned(),
        table: table.to_owned(),
        login: Some((server.user().to_owned(), password)),
    }
}

fn fill(address: &Address) -> anyhow::Result<()> {
    let mut storage = address.open(Box::new(|_, _| {}))?;
    storage.take_tag(StoreTag::new(7))?;
    for batch in 0..RECORDS / 10_000 {
        let entries: Vec<Entry> =
            (0..5_000).flat_map(|number| records(batch * 5_000 + number)).collect();
        storage.append(&entries)?;
    }
    Ok(())
}

fn rate(
    what: &'static str,
    target: &'static str,
    kind: Kind,
    address: &Address,
    directory: &Path,
) -> anyhow::Result<Row> {
    let name = kind.word().to_owned();
    let state = directory.join("rate-state");
    std::fs::create_dir_all(&state)?;
    let sink = Sink::new(&Settings { name: name.clone(), kind }, address.clone(), &state);
    let sink = sink.map_err(anyhow::Error::msg)?;
    let start = Instant::now();
    if let Ended::GaveUp(problem) = sink.run(Until::Done, &|| false) {
        bail!("{what}: {problem}");
    }
    let took = start.elapsed().as_secs_f64();
    let had = sinks::read_state(&state, &name).map_or(0, |state| state.cursor.had);
    if had != RECORDS as u64 {
        bail!("{what}: {had} of {RECORDS} records");
    }
    Ok(Row { what, measured: RECORDS as f64 / took, unit: "records/s", target, peer: "" })
}

/// One case: what is said of it, the journal it is on, and the sinks beside.
struct Case {
    names: [&'static str; 2],
    config: Option<PathBuf>,
    writer: JournalWriter,
    latencies: Latencies,
}

fn latency(directory: &Path, server: Option<&ClickHouse>) -> anyhow::Result<Vec<Row>> {
    // It takes connections and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0")?;
    let hangs =
        format!("[[sink]]\nkind = \"clickhouse\"\nurl = \"http://{}\"\n", deaf.local_addr()?);
    let mut all = "[[sink]]\nkind = \"parquet\"\ndir = \"records\"\nfile_s = 2\n".to_owned();
    if let Some(server) = server {
        let (url, user) = (server.url(), server.user());
        all += &format!(
            "[[sink]]\nkind = \"clickhouse\"\nurl = \"{url}\"\nuser = \"{user}\"\npassword = {{ env = \"SINK\" }}\n"
        );
    }
    let memory = servers::osmem("order latency beside Elasticsearch");
    if let Some(server) = &memory {
        all += &format!(
            "[[sink]]\nkind = \"elasticsearch\"\nurl = \"{}\"\ndata_stream = false\n",
            server.url()
        );
    }
    let mut cases = [
        case(directory, ["durable order, no sink, median", "durable order, no sink, p99"], None)?,
        case(directory, ["the same, all sinks, median", "the same, all sinks, p99"], Some(&all))?,
        case(
            directory,
            ["the same, sink hangs, median", "the same, sink hangs, p99"],
            Some(&hangs),
        )?,
    ];
    for turn in 0..TURNS {
        for case in &mut cases {
            let process = case.config.as_deref().map(start).transpose()?;
            std::thread::sleep(SETTLES);
            for number in 0..ORDERS {
                std::thread::sleep(PACE);
                let entries = records(turn * ORDERS + number);
                let start = Instant::now();
                case.writer.handle().append_wait(entries)?;
                case.latencies.add(start.elapsed());
            }
            if let Some(mut process) = process {
                process.kill()?;
                process.wait()?;
            }
        }
    }
    let base = cases[0].latencies.at(0.99);
    let mut rows = Vec::new();
    for case in &cases {
        let [median, high] = case.names;
        let micros = |what, quantile| Row {
            what,
            measured: case.latencies.at(quantile) / 1_000.0,
            unit: "µs",
            target: "",
            peer: "",
        };
        rows.extend([micros(median, 0.5), micros(high, 0.99)]);
    }
    for (case, what) in cases[1..].iter().zip(["p99, all sinks to none", "p99, sink hangs to none"])
    {
        let measured = case.latencies.at(0.99) / base;
        rows.push(Row { what, measured, unit: "times", target: "<= 1.1", peer: "" });
    }
    Ok(rows)
}

fn case(directory: &Path, names: [&'static str; 2], sinks: Option<&str>) -> anyhow::Result<Case> {
    let number = std::fs::read_dir(directory)?.count();
    let place = directory.join(format!("case-{number}"));
    std::fs::create_dir(&place)?;
    let mut storage = Address::Sqlite(place.join("journal.db")).open(Box::new(|_, _| {}))?;
    storage.take_tag(StoreTag::new(number as u64))?;
    storage.append(&[Entry { at: crate::samples::at(1), record: Record::Stopped }])?;
    let writer = JournalWriter::spawn(storage)?;
    let config = sinks.map(|sinks| write_config(&place, sinks)).transpose()?;
    Ok(Case { names, config, writer, latencies: Latencies::new() })
}

fn write_config(place: &Path, sinks: &str) -> anyhow::Result<PathBuf> {
    let limits = toml_of_limits()?;
    std::fs::write(place.join("limits.toml"), limits)?;
    let path = place.join("plimsoll.toml");
    let mut file = std::fs::File::create(&path)?;
    write!(
        file,
        "mode = \"paper\"\nstore = \"sqlite:journal.db\"\nlimits = \"limits.toml\"\nstate_dir = \"state\"\n\
         [paper]\ncash = \"10000 USDT\"\nmaker_bps = 10\ntaker_bps = 10\n\
         [venue.sim]\nkind = \"binance-spot\"\ninstruments = [\"{}\"]\n{sinks}",
        crate::samples::id()
    )?;
    Ok(path)
}

fn toml_of_limits() -> anyhow::Result<String> {
    let text = runtime::config::limits_text(&crate::samples::limits());
    if text.is_empty() { Err(anyhow!("the limits cannot be written")) } else { Ok(text) }
}

/// The product's own process, as a gateway starts it.
fn start(config: &Path) -> anyhow::Result<Child> {
    let own = std::env::current_exe()?;
    let binary = own.with_file_name("plimsoll");
    Command::new(&binary)
        .args(["sink", "--config"])
        .arg(config)
        .env("SINK", "hush")
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", binary.display()))
}
