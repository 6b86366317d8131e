//! The kill switch in the life of canaries: it leases, is asked, refused, halted and killed; what it wrote,
//! served and posted goes where the hunt looks.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::common::Running;
use super::common::posts::Posts;
use super::{Life, NOBODY};

/// Nothing takes longer than this here.
const SOON: Duration = Duration::from_secs(20);
const LIMITS: &str = "quote = \"QUOTE\"\ndrawdown_max_bps = 5000\nday_loss_max_bps = 5000\n\
                      open_notional_max = \"1000000\"\nunreadable_max_s = 60\n\
                      [asset.BTC]\nvalue_max = \"1000000\"\n";

/// Two ports that were free a moment ago.
fn ports() -> [String; 2] {
    let both = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    both.map(|listener| listener.local_addr().unwrap().to_string())
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !so() {
        assert!(Instant::now() < end, "{what}: not in {SOON:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Life {
    /// A kill switch with these keys beside the gateway, its token in `CANARY_TOKEN` and the address of its alerts, which
    /// ends in `path`, in `CANARY_ALERT`.
    pub(super) fn watch(&mut self, keys: &str, token: &str, path: &str) {
        let (posts, [heartbeat, control]) = (Posts::start(), ports());
        let (_, quote) = self.gateway.instrument().split_once('-').unwrap();
        let limits = LIMITS.replace("QUOTE", quote);
        std::fs::write(self.gateway.path("watchdog-limits.toml"), limits).unwrap();
        self.gateway.add(&format!(
            "[watchdog]\nheartbeat = \"{heartbeat}\"\ncontrol = \"{control}\"\n\
             token = {{ env = \"CANARY_TOKEN\" }}\nlimits = \"watchdog-limits.toml\"\n\
             state_dir = \"watchdog\"\nhalt_file = \"HALT\"\nalert = [{{ env = \"CANARY_ALERT\" }}]\n{keys}\n"
        ));
        self.environment.push(("CANARY_ALERT", format!("http://{}{path}", posts.addr)));
        let mut watchdog = self.watchdog();
        let gateway = self.command(&["run", "--config"]).stderr(self.log()).spawn().unwrap();
        self.gateway.process = Some(Running(gateway));
        until("a lease", || {
            self.asks(&control, "GET", "/status", token, "").contains("\"lease\":true")
        });
        self.say(&["status", "--config"]);
        self.say(&["doctor", "--config"]);
        self.asks(&control, "GET", "/nothing", token, "");
        self.asks(&control, "POST", "/halt", "no token of anybody", "");
        self.asks(&control, "POST", "/transfer", token, r#"{"asset":"USDT","amount":"-1"}"#);
        self.asks(&control, "POST", "/transfer", token, "{");
        self.is_closed_to_others(watchdog.0.id());
        let said = self.asks(&control, "POST", "/halt", token, r#"{"cause":"a drill"}"#);
        assert!(said.contains("\"halted\":true"), "{said}");
        until("it is clear", || {
            self.asks(&control, "GET", "/status", token, "").contains("\"cleared\":true")
        });
        self.asks(&control, "POST", "/reset", token, "");
        self.asks(&control, "POST", "/reset", token, r#"{"code":"0"}"#);
        until("an alert", || !posts.to(path).is_empty());
        // What was posted, without the path that it was posted to: that is the canary itself.
        let told: Vec<String> = posts.to(path).iter().map(|post| post.json.to_string()).collect();
        self.keeps("posted", &told.join("\n"));
        assert!(self.gateway.path("watchdog/watchdog-latch.json").exists());
        // As a process ends that has gone wrong; and a start that is latched.
        assert!(
            Command::new("kill")
                .args(["-ABRT", &watchdog.0.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        until("it has ended", || watchdog.0.try_wait().unwrap().is_some());
        drop(watchdog);
        let again = self.watchdog();
        let said = self.asks(&control, "GET", "/status", token, "");
        assert!(said.contains("a drill"), "{said}");
        drop(again);
        assert!(self.gateway.stop().success());
    }

    fn log(&mut self) -> Stdio {
        self.outputs += 1;
        std::fs::File::create(self.gateway.path(&format!("log-{}", self.outputs))).unwrap().into()
    }

    /// Starts it and waits until its ports are open.
    fn watchdog(&mut self) -> Running {
        let log = self.log();
        let said = self.gateway.path(&format!("said-by-the-watchdog-{}", self.outputs));
        let out = std::fs::File::create(&said).unwrap();
        let mut command = self.command(&["watchdog", "--config"]);
        let running = Running(command.stdout(out).stderr(log).spawn().unwrap());
        until("its ports", || {
            std::fs::read_to_string(&said).unwrap().contains("control on http://")
        });
        running
    }

    /// A request of a person; all of the answer, which is kept.
    fn asks(&mut self, control: &str, method: &str, path: &str, token: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(control).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        self.keeps("served", &answer);
        answer
    }

    fn keeps(&mut self, name: &str, text: &str) {
        self.outputs += 1;
        let path: PathBuf = self.gateway.path(&format!("said-{name}-{}", self.outputs));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Another process of its user reads nothing of it, and a crash leaves no core.
    fn is_closed_to_others(&self, number: u32) {
        for what in ["environ", "maps", "mem"] {
            let mut spy = Command::new("head");
            spy.args(["-c", "65536"]).arg(format!("/proc/{number}/{what}"));
            if rustix::process::geteuid().is_root() {
                spy.uid(NOBODY).gid(NOBODY);
            }
            let output = spy.output().unwrap();
            // Not shown: it could be everything that it was started with.
            assert!(output.stdout.is_empty() && !output.status.success(), "{what} is to be read");
        }
        let limits = std::fs::read_to_string(format!("/proc/{number}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    }

    /// Its mistakes are said without the secret.
    pub(super) fn watchdog_mistakes(&mut self, secret: &str) {
        let good = std::fs::read_to_string(self.gateway.path("plimsoll.toml")).unwrap();
        for (from, to) in [
            ("alert = [", format!("alert = [\"https://hooks.slack.com/services/{secret}\", ")),
            ("alert = [", format!("alert = [\"{secret}\", ")),
            ("alert = [", format!("alert = [{{ env = \"{secret}\" }}, ")),
            ("token = {", format!("token = \"{secret}\"\nother = {{")),
            ("halt_file", format!("limits = \"{secret}\nhalt_file")),
        ] {
            super::edit(&self.gateway, from, &to);
            for args in [["watchdog", "--config"], ["doctor", "--config"], ["halt", "--config"]] {
                self.say(&args);
            }
            std::fs::write(self.gateway.path("plimsoll.toml"), &good).unwrap();
        }
    }
}
