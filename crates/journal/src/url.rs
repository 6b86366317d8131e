//! The address of a store on a server, read without ever repeating what may be a password.
//!
//! The form is that of the two servers' own tools, with the few parameters that mean something
//! here. What asks for more than there is (encryption, above all) is refused and not ignored.

use std::fmt;

use percent_encoding::percent_decode_str;

/// Longest name of a schema or prefix.
const NAME_MAX: usize = 40;

/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME` or
/// `redis://USER:PASSWORD@HOST:PORT/NUMBER?prefix=NAME`. Prints without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    pub(crate) server: Server,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// A host, or the directory of a socket.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// The database, by name or number; empty for the server's own choice.
    pub(crate) database: String,
    /// What tells several journals of one database apart: a schema, or the beginning of keys.
    pub(crate) name: String,
}

/// Which kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Postgres,
    Redis,
}

impl Server {
    const fn scheme(self) -> &'static str {
        match self {
            Server::Postgres => "postgres",
            Server::Redis => "redis",
        }
    }

    /// The parameter that tells journals apart.
    const fn name_key(self) -> &'static str {
        match self {
            Server::Postgres => "schema",
            Server::Redis => "prefix",
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Server::Postgres => "postgres://USER@HOST:PORT/DATABASE",
            Server::Redis => "redis://HOST:PORT/NUMBER",
        }
    }
}

/// What tells a journal apart where nothing is said.
const NAME: &str = "plimsoll";

const NO_TLS: &str = "encrypted connections are not built in; reach the server over loopback, a \
                      private network or a tunnel (ssh -L, WireGuard, stunnel)";

impl Url {
    /// Reads an address. `None`: it is none of a server. The message says what is wrong and repeats
    /// nothing of the text.
    pub fn parse(text: &str) -> Option<Result<Url, String>> {
        let (scheme, rest) = text.split_once("://")?;
        Some(match scheme {
            "postgres" | "postgresql" => read(Server::Postgres, rest),
            "redis" => read(Server::Redis, rest),
            "rediss" => Err(format!("rediss://: {NO_TLS}")),
            _ => return None,
        })
    }

    /// Does it hold a password?
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The same address with this password.
    pub fn with_password(self, password: &str) -> Url {
        Url { password: Some(password.to_owned()), ..self }
    }
}

fn read(server: Server, rest: &str) -> Result<Url, String> {
    let form = || format!("write {}, special signs of a password as %XX", server.form());
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = match authority.rsplit_once('@') {
        Some((login, address)) => (Some(login), address),
        None => (None, authority),
    };
    let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
        Some((user, password)) => (text(user)?, text(password)?),
        None => (None, None),
    };
    let (host, port) = host_and_port(address).ok_or_else(form)?;
    let host = text(host)?.unwrap_or_default();
    let database = text(path)?.unwrap_or_default();
    let mut url = Url { server, user, password, host, port, database, name: NAME.to_owned() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        url.parameter(pair)?;
    }
    if url.host.is_empty() {
        return Err(form());
    }
    match server {
        Server::Postgres if url.user.is_none() || url.database.is_empty() => Err(form()),
        Server::Redis if !url.database.chars().all(|c| c.is_ascii_digit()) => Err(form()),
        Server::Postgres | Server::Redis => Ok(url),
    }
}

impl Url {
    fn parameter(&mut self, pair: &str) -> Result<(), String> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            _ if key == self.server.name_key() => {
                if !is_name(value) {
                    return Err(format!(
                        "`{key}` must be 1 to {NAME_MAX} small letters, digits or _, a letter first"
                    ));
                }
                value.clone_into(&mut self.name);
                Ok(())
            }
            "sslmode" if self.server == Server::Postgres => match value {
                "disable" | "allow" | "prefer" => Ok(()),
                _ => Err(format!("sslmode: {NO_TLS}, and leave `sslmode` out")),
            },
            "host" if self.server == Server::Postgres && self.host.is_empty() => {
                self.host = text(value)?.unwrap_or_default();
                Ok(())
            }
            // Not repeated: behind a ? that should have been %3F it is part of a password.
            _ => Err(format!(
                "a parameter behind the ? is not known; known is `{}`{}; a ? in a password is %3F",
                self.server.name_key(),
                if self.server == Server::Postgres { ", `sslmode`, `host`" } else { "" },
            )),
        }
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Decoded; `None` when there is nothing.
fn text(encoded: &str) -> Result<Option<String>, String> {
    let decoded = percent_decode_str(encoded).decode_utf8();
    let decoded = decoded.map_err(|_| "holds a %XX that is no text".to_owned())?;
    Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
}

fn host_and_port(address: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match address.split_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((address, None)),
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.server.scheme())?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.database)?;
        if self.name != NAME {
            write!(f, "?{}={}", self.server.name_key(), self.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Url, String> {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_password_is_read_and_never_printed() {
        for (text, password, said) in [
            ("postgres://u:p%40ss@h:5433/d", "p@ss", "postgres://u@h:5433/d"),
            ("postgresql://u:p:q@h/d?schema=two", "p:q", "postgres://u@h/d?schema=two"),
            ("postgres://u:pp@[::1]:5432/d?sslmode=prefer", "pp", "postgres://u@[::1]:5432/d"),
            ("postgres://u:pp@/d?host=/run/postgresql", "pp", "postgres://u@/run/postgresql/d"),
            ("redis://:pp@h/2?prefix=two", "pp", "redis://h/2?prefix=two"),
            ("redis://u:pp@h:6380", "pp", "redis://u@h:6380/"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.password.as_deref(), Some(password), "{text}");
            assert_eq!(
                (url.to_string(), format!("{url:?}")),
                (said.into(), format!("Url({said})"))
            );
        }
        let url = parse("postgres://u@h/d").unwrap();
        assert!(!url.has_password() && url.with_password("x").has_password());
    }

    #[test]
    fn mistakes_are_named_and_nothing_is_repeated() {
        for (text, problem) in [
            ("rediss://:hush@h/0", "encrypted connections are not built in"),
            ("postgres://u:hush@h/d?sslmode=require", "encrypted connections are not built in"),
            ("postgres://u:hush@h/d?sslmode=verify-full", "encrypted connections"),
            ("postgres://u:hu?sh@h/d", "write postgres://"),
            ("postgres://u:h@h/d?hush=3", "a parameter behind the ?"),
            ("postgres://u:hush/2@h/d", "write postgres://USER@HOST:PORT/DATABASE"),
            ("postgres://:hush@h/d", "write postgres://"),
            ("postgres://u:hush@h", "write postgres://"),
            ("postgres://u:hush@h:x/d", "special signs of a password as %XX"),
            ("postgres://u:hush%ff@h/d", "no text"),
            ("postgres://u:hush@h/d?schema=Big", "`schema` must be"),
            ("postgres://u:hush@h/d?schema=", "`schema` must be"),
            ("redis://:hush@h/hush", "write redis://HOST:PORT/NUMBER"),
            ("redis://:hush@/0", "write redis://"),
            ("redis://:hush@h/0?schema=a", "known is `prefix`;"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
            assert!(!said.contains("hush"), "{text}: {said}");
        }
        assert_eq!(Url::parse("sqlite:x"), None);
        assert_eq!(Url::parse("mysql://x"), None);
    }
}
