//! The `[dashboard]` and `[metrics]` tables: where each listens, and what opens it.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::SecretSource;

/// One of the two, as its table says it. `docs/dashboard.md` and `docs/metrics.md` tell what each key means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What opens it; needed where other machines can reach it.
    pub token: Option<SecretSource>,
    /// Names that it may be asked by besides addresses and `localhost`, without a port.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// Checks the table of this name, where there is one. Its token is looked for from `here`.
pub(super) fn read(
    table: &str,
    port: Option<PortConfig>,
    here: &Path,
) -> Result<Option<PortConfig>, (String, String)> {
    let Some(port) = port else { return Ok(None) };
    check(table, &port)?;
    let token = port.token.map(|source| source.within(here));
    Ok(Some(PortConfig { token, ..port }))
}

/// What other machines can reach needs a token, and a name is one without a port.
fn check(table: &str, port: &PortConfig) -> Result<(), (String, String)> {
    let PortConfig { listen, token, hosts } = port;
    if token.is_none() && !listen.ip().is_loopback() {
        let problem = format!(
            "is missing: {listen} can be reached from other machines; write where the token is, as in token = \
             {{ file = \"{table}.token\" }}, or listen on 127.0.0.1"
        );
        return Err((format!("{table}.token"), problem));
    }
    let is_name = |host: &String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        !host.is_empty() && host.bytes().all(plain)
    };
    match hosts.iter().find(|host| !is_name(host)) {
        Some(host) => {
            let problem =
                format!("{host:?} is no name as box.lan, without http:// and without a port");
            Err((format!("{table}.hosts"), problem))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<PortConfig, String> {
        let config: PortConfig =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        check("dashboard", &config).map_err(|(key, problem)| format!("{key}: {problem}"))?;
        Ok(config)
    }

    #[test]
    fn what_others_can_reach_needs_a_token() {
        assert!(checked("listen = \"127.0.0.1:9400\"").is_ok());
        assert!(checked("listen = \"[::1]:0\"\nhosts = [\"box.lan\"]").is_ok());
        let open = checked("listen = \"0.0.0.0:9400\"").unwrap_err();
        assert!(open.starts_with("dashboard.token: is missing: 0.0.0.0:9400"), "{open}");
        assert!(checked("listen = \"0.0.0.0:9400\"\ntoken = { env = \"T\" }").is_ok());
        for (text, problem) in [
            ("listen = \"9400\"", "socket address"),
            ("listen = \"127.0.0.1:1\"\nhosts = [\"http://x\"]", "dashboard.hosts"),
            ("listen = \"127.0.0.1:1\"\nhosts = [\"x:80\"]", "without a port"),
            ("listen = \"127.0.0.1:1\"\ntoken = \"canary\"", "never the secret itself"),
            ("listen = \"127.0.0.1:1\"\ncors = true", "unknown field"),
        ] {
            let error = checked(text).unwrap_err();
            assert!(error.contains(problem) && !error.contains("canary"), "{text}: {error}");
        }
    }
}
