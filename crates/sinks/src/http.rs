//! Requests to a server, one after the other, each with its bound in time and size.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::target::TargetError;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long an answer may take: a server that hangs is left then.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long a connection that is not used is kept: shorter than any server keeps it (ClickHouse: 3 s), or a body
/// would be written to one that is gone, again and again where the journal is read slowly.
const IDLE_MAX: Duration = Duration::from_secs(1);
/// Largest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// What of an answer is repeated in a message, characters.
const SAID_MAX: usize = 300;

/// A server.
#[derive(Debug)]
pub(crate) struct Http {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    base: String,
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) const fn is_fine(&self) -> bool {
        matches!(self.status, 200..300)
    }
}

impl Http {
    /// `headers` may be secret; they are in no message.
    pub(crate) fn new<N: AsRef<str>>(base: &str, headers: &[(N, String)]) -> Result<Http, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                let name = name.as_ref();
                format!("what is sent as {name} holds a sign that no header may have")
            })?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_ref().as_bytes())
                .map_err(|_| format!("{} is no name of a header", name.as_ref()))?;
            map.insert(name, value);
        }
        let client = reqwest::Client::builder()
            .default_headers(map)
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            .pool_idle_timeout(IDLE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| format!("no HTTP client: {error}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime for a sink: {error}"))?;
        Ok(Http { runtime, client, base: base.trim_end_matches('/').to_owned() })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Answer, TargetError> {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = request.header("content-type", content_type).body(body);
        self.runtime.block_on(async {
            let failed = |error: reqwest::Error| {
                TargetError(format!("{}: {}", self.base, causes(&error.without_url())))
            };
            let mut response = request.send().await.map_err(failed)?;
            let status = response.status().as_u16();
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                    let problem =
                        format!("{}: answers more than {ANSWER_BYTES_MAX} bytes", self.base);
                    return Err(TargetError(problem));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned() })
        })
    }

    /// An answer that is no success, in words.
    pub(crate) fn refused(&self, what: &str, answer: &Answer) -> TargetError {
        let hint = match answer.status {
            401 | 403 => " (look at user, password or api_key, and at its rights)",
            413 => " (it takes less at once than is sent)",
            _ => "",
        };
        let said: String = answer.body.chars().take(SAID_MAX).collect();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        TargetError(format!("{}: {what}: status {}{hint}: {said}", self.base, answer.status))
    }
}

/// An error with its causes, for the first one hardly says anything.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
