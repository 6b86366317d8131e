//! Who may look, and who may ask for a halt.
//!
//! Four walls, each for one attack. The `Host` of a request has to be an address or a name that was allowed: a page of
//! somebody else that makes its own name point here (DNS rebinding) is answered with nothing. A token, where
//! one is set, opens a session, and the session's cookie goes nowhere but to this site. A request that comes out of another
//! site's page is refused by what the browser says of it (`Origin`, `Sec-Fetch-Site`). And a halt carries a word that only a page
//! of this site can have read.

mod rate;
mod sessions;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};

use self::rate::Rate;
use self::sessions::{Sessions, digest, same, word};

/// Shortest token, characters: 16 random ones cannot be guessed at ten tries a minute.
pub const TOKEN_MIN: usize = 16;
/// Tries to log in, a minute, by everybody together.
const LOGINS_MAX: usize = 10;
/// Halts that are asked for, a minute, by everybody together. One halts; more only repeat it.
const HALTS_MAX: usize = 6;
/// Carries the session's word in a request that does something.
pub(crate) const WORD: HeaderName = HeaderName::from_static("x-plimsoll-word");
/// Told by the browser: from where a request comes.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a dashboard cannot be opened this way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It would be open to the network.
    #[error(
        "{0} can be reached from other machines, so a token is needed: write token = {{ file = \"PATH\" }} or \
         {{ env = \"NAME\" }} into [{1}], or listen on 127.0.0.1"
    )]
    Open(SocketAddr, &'static str),
    /// It could be guessed.
    #[error(
        "the token has {0} characters; {TOKEN_MIN} random ones are the least, as of `openssl rand -hex 16`"
    )]
    Short(usize),
    /// The system has no random numbers.
    #[error("the system has no random numbers for sessions: {0}")]
    Random(String),
}

/// Who may come in.
#[derive(Clone, Debug)]
pub struct Access {
    /// The table of the configuration that says so.
    pub table: &'static str,
    /// What opens a session; `None` lets in everybody who can connect.
    pub token: Option<String>,
    /// Names that a browser may have come by besides addresses and `localhost`, without a port.
    pub hosts: Vec<String>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It came by a name that is not ours.
    Host,
    /// It came out of a page of another site.
    Site,
    /// There is no session.
    LogIn,
    /// It lacks the session's word, or has an old one.
    Word,
    /// Too many.
    Often,
}

/// A session that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// What a request that does something has to bring.
    pub(crate) word: String,
}

/// The walls.
pub struct Guard {
    token: Option<[u8; 32]>,
    hosts: Vec<String>,
    /// Cookies are not told apart by port, and several dashboards may run on one host.
    cookie: String,
    open: Session,
    sessions: Mutex<Sessions>,
    logins: Mutex<Rate>,
    halts: Mutex<Rate>,
}

impl Guard {
    /// Checks that a dashboard may listen there.
    pub fn new(listen: SocketAddr, access: Access) -> Result<Guard, AccessError> {
        let Access { table, token, hosts } = access;
        if token.is_none() && !listen.ip().is_loopback() {
            return Err(AccessError::Open(listen, table));
        }
        if let Some(length) = token.as_deref().map(|token| token.chars().count())
            && length < TOKEN_MIN
        {
            return Err(AccessError::Short(length));
        }
        let word = word().map_err(AccessError::Random)?;
        Ok(Guard {
            token: token.map(|token| digest(&token)),
            hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(),
            cookie: format!("plimsoll_{}", listen.port()),
            open: Session { word },
            sessions: Mutex::default(),
            logins: Mutex::new(Rate::a_minute(LOGINS_MAX)),
            halts: Mutex::new(Rate::a_minute(HALTS_MAX)),
        })
    }

    /// Is a token needed?
    pub(crate) const fn is_locked(&self) -> bool {
        self.token.is_some()
    }

    /// Did it come by an address, or by a name that is ours? An address in the place of a name cannot be made to point elsewhere.
    pub fn host(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refused::Host) };
        let host = without_port(host.to_str().map_err(|_| Refused::Host)?).to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let fine = match bare.parse::<IpAddr>() {
            // Without a token only this machine is let in, so nobody comes by another address.
            Ok(ip) => self.is_locked() || ip.is_loopback(),
            Err(_) => host == "localhost",
        };
        if fine || self.hosts.contains(&host) { Ok(()) } else { Err(Refused::Host) }
    }

    /// Does it come out of one of our own pages, as far as the browser says? What is no browser says nothing.
    pub(crate) fn site(&self, headers: &HeaderMap, does: bool) -> Result<(), Refused> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let site = match text(&SITE) {
            None | Some("same-origin") => true,
            // Typed or opened from a bookmark.
            Some("none") => !does,
            Some(_) => false,
        };
        let origin = text(&ORIGIN).is_none_or(|origin| {
            let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            from.is_some() && from == text(&HOST)
        });
        if site && origin { Ok(()) } else { Err(Refused::Site) }
    }

    /// The session of a request.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Result<Session, Refused> {
        if !self.is_locked() {
            return Ok(self.open.clone());
        }
        let now = Instant::now();
        let mut sessions = locked(&self.sessions);
        let found = self.cookies(headers).find_map(|id| sessions.find(id, now));
        found.map(|word| Session { word }).ok_or(Refused::LogIn)
    }

    /// May this request do something? Every try counts.
    pub(crate) fn halt(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let session = self.session(headers)?;
        self.site(headers, true)?;
        let said = headers.get(&WORD).and_then(|word| word.to_str().ok()).unwrap_or_default();
        if !same(&digest(said), &digest(&session.word)) {
            return Err(Refused::Word);
        }
        if locked(&self.halts).take(Instant::now()) { Ok(()) } else { Err(Refused::Often) }
    }

    /// Does a program bring the token, as `Authorization: Bearer TOKEN`? Only wrong ones are counted.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(expected) = &self.token else { return Ok(()) };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Err(Refused::LogIn);
        };
        if same(&digest(given.trim()), expected) {
            return Ok(());
        }
        let may_try = locked(&self.logins).take(Instant::now());
        Err(if may_try { Refused::LogIn } else { Refused::Often })
    }

    /// Opens a session for who knows the token; the cookie to set.
    pub(crate) fn log_in(&self, token: &str) -> Result<String, Refused> {
        let Some(expected) = &self.token else { return Err(Refused::LogIn) };
        let now = Instant::now();
        if !locked(&self.logins).take(now) {
            return Err(Refused::Often);
        }
        if !same(&digest(token), expected) {
            return Err(Refused::LogIn);
        }
        let (Ok(id), Ok(word)) = (word(), word()) else { return Err(Refused::Often) };
        locked(&self.sessions).add(&id, word, now);
        let age = sessions::AGE_MAX.as_secs();
        Ok(self.set(&format!("{id}; Max-Age={age}")))
    }

    /// Ends the session; the cookie to set.
    pub(crate) fn log_out(&self, headers: &HeaderMap) -> String {
        let mut sessions = locked(&self.sessions);
        self.cookies(headers).for_each(|id| sessions.remove(id));
        self.set("; Max-Age=0")
    }

    fn set(&self, value: &str) -> String {
        format!("{}={value}; Path=/; HttpOnly; SameSite=Strict", self.cookie)
    }

    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';'));
        let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie).map(|(_, value)| value)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            // The colons of an address in brackets are its own.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests;
