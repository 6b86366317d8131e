//! The desktop of this machine, by `notify-send`, where there is one.

use std::process::Stdio;

use model::AlertLevel;
use tokio::process::Command;

use super::failure::Failure;
use crate::message::Message;

/// The program that does it on most Linux desktops.
const PROGRAM: &str = "notify-send";

pub(super) struct Desktop;

impl Desktop {
    pub(super) async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let urgency = match message.alert.level {
            AlertLevel::Info => "low",
            AlertLevel::Warning => "normal",
            AlertLevel::Critical => "critical",
        };
        let mut command = Command::new(PROGRAM);
        command
            .args(["--app-name=plimsoll", "--urgency", urgency, "--"])
            .args([message.title(), message.body()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let done = command.output().await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::refused(format!(
                "{PROGRAM} is not installed; install it or take this [[alert]] out"
            )),
            _ => Failure::passing(format!("{PROGRAM}: {error}")),
        })?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(Failure::passing(format!("{PROGRAM} failed ({}): {}", done.status, said.trim())))
    }
}
