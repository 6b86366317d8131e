//! What a sink is told to be: already read and checked, secrets in place.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// A secret. Prints as dots.
#[derive(Clone)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Takes one.
    pub fn new(text: &str) -> Hidden {
        Hidden(Zeroizing::new(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// One sink.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: small letters, digits and dashes.
    pub name: String,
    /// Where it goes.
    pub kind: Kind,
}

/// The targets there are.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A ClickHouse server, by its HTTP interface.
    ClickHouse {
        /// Scheme, host and port.
        url: String,
        /// The database; it is made where it is missing.
        database: String,
        /// The table.
        table: String,
        /// User and password.
        login: Option<(String, Option<Hidden>)>,
    },
    /// Elasticsearch, or what speaks its protocol.
    Elasticsearch {
        /// Scheme, host and port.
        url: String,
        /// The data stream, or the index.
        stream: String,
        /// Is it a data stream?
        is_data_stream: bool,
        /// How it is to be asked.
        auth: Option<Auth>,
    },
    /// Traces of orders, to a receiver of OTLP over HTTP.
    Otlp {
        /// Where it is, without `/v1/traces`.
        url: String,
        /// A header that lets us in, with its value.
        header: Option<(String, Hidden)>,
    },
    /// Files.
    Parquet {
        /// Their directory; it is made where it is missing.
        dir: PathBuf,
        /// Rows after which a file is closed.
        file_rows: u64,
        /// How long a file is open at most.
        file_time: Duration,
    },
}

/// What Elasticsearch knows us by.
#[derive(Clone, Debug)]
pub enum Auth {
    /// User and password.
    Basic(String, Hidden),
    /// An API key, in the form that is sent.
    ApiKey(Hidden),
}

impl Kind {
    /// Its word in the configuration.
    pub const fn word(&self) -> &'static str {
        match self {
            Kind::ClickHouse { .. } => "clickhouse",
            Kind::Elasticsearch { .. } => "elasticsearch",
            Kind::Otlp { .. } => "otlp",
            Kind::Parquet { .. } => "parquet",
        }
    }
}
