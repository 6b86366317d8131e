//! An agent runs as the same user as the gateway, and still does not get at its key.

mod common;

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Running, Venue};
use model::Record;

/// Nobody, by custom. Root may read everything, so a test that runs as root becomes somebody else.
const NOBODY: u32 = 65_534;

/// Says what it can read of its parent, and goes on as an agent that wants nothing.
const SPY: &str = r#"
cat "/proc/$PPID/environ" > "$1.environ" 2> "$1.error"
cat /proc/self/environ > "$1.own"
echo done > "$1"
read -r hello
echo '{"ready":{"version":1,"strategy":"spy"}}'
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
done
"#;

#[test]
fn an_agent_cannot_read_the_gateways_environment() {
    let venue = Venue::start(&["--market", "synthetic:23"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let (script, report) = (gateway.path("spy.sh"), gateway.path("report"));
    std::fs::write(&script, SPY).unwrap();
    gateway.add(&format!(
        "[agent.spy]\nvenue = \"sim\"\ncommand = [\"bash\", {script:?}, {report:?}]\n\
         [agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n"
    ));
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = Command::new(BINARY);
    if is_root {
        let copy = gateway.path("plimsoll");
        std::fs::copy(BINARY, &copy).unwrap();
        for name in ["", "plimsoll.toml", "limits.toml", "spy.sh", "plimsoll"] {
            chown(gateway.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
    }
    let log = std::fs::File::create(gateway.path("log")).unwrap();
    command
        .args(["run", "--config"])
        .arg(gateway.path("plimsoll.toml"))
        .env("TEST_KEY", "key")
        .env("TEST_SECRET", "secret")
        .stdin(Stdio::null())
        .stderr(log);
    gateway.process = Some(Running(command.spawn().unwrap()));

    let end = Instant::now() + Duration::from_secs(20);
    while !report.exists() {
        assert!(Instant::now() < end, "the agent did not run: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let read = |name: &str| std::fs::read_to_string(gateway.path(name)).unwrap();
    // Not shown: it is everything that this test was started with.
    assert!(read("report.environ").is_empty(), "an agent has read the gateway's environment");
    assert!(read("report.error").contains("denied"), "{}", read("report.error"));
    assert!(!read("report.own").contains("TEST_"), "{}", read("report.own"));
    // A built-in strategy, which runs the same program again, still starts.
    gateway.wait(20, "it trades", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Accepted { .. }))
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}
