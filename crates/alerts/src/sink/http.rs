//! A POST of JSON: the generic webhook, and what Slack and Telegram want.
//!
//! Sources: Slack, "Sending messages using incoming webhooks" (`{"text": …}`, answered `ok`); Telegram Bot
//! API, "Making requests" and `sendMessage` (`{"ok":true,…}`, else `description` and
//! `parameters.retry_after` in seconds; texts up to 4096 characters), both read 2026-11-30.
//!
//! No redirect is followed: it would carry the token to another place.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};
use sha2::Sha256;

use super::failure::{ATTEMPT_MAX, Failure};
use crate::hidden::Hidden;
use crate::message::Message;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Part of an answer that is read.
const ANSWER_MAX: usize = 4 << 10;
/// Header with the signature of the body: `sha256=` and HMAC-SHA256 in hexadecimal digits.
const SIGNATURE: &str = "x-plimsoll-signature";

pub(super) struct Http {
    client: reqwest::Client,
    url: Hidden,
    form: Form,
}

enum Form {
    Webhook { secret: Option<Hidden> },
    Slack,
    Telegram { chat_id: String },
}

impl Http {
    pub(super) fn webhook(url: Hidden, secret: Option<Hidden>) -> Result<Http, String> {
        Http::new(url, Form::Webhook { secret })
    }

    pub(super) fn slack(url: Hidden) -> Result<Http, String> {
        Http::new(url, Form::Slack)
    }

    pub(super) fn telegram(base: &str, token: &Hidden, chat_id: String) -> Result<Http, String> {
        let base = base.trim_end_matches('/');
        let url = Hidden::new(format!("{base}/bot{}/sendMessage", token.reveal()));
        Http::new(url, Form::Telegram { chat_id })
    }

    fn new(url: Hidden, form: Form) -> Result<Http, String> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(ATTEMPT_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|error| format!("no HTTP client: {}", cause(error)))?;
        Ok(Http { client, url, form })
    }

    pub(super) async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let body = self.body(message).map_err(|error| Failure::refused(error.to_string()))?;
        let mut request =
            self.client.post(self.url.reveal()).header(CONTENT_TYPE, "application/json");
        if let Form::Webhook { secret: Some(secret) } = &self.form {
            request = request.header(SIGNATURE, signature(secret, body.as_bytes()));
        }
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| Failure::passing(cause(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let said = read(answer).await;
        let json: Value = serde_json::from_str(&said).unwrap_or_default();
        let wait =
            wait.or_else(|| json["parameters"]["retry_after"].as_u64().map(Duration::from_secs));
        let said = json["description"].as_str().unwrap_or(&said);
        let refused = status.is_client_error() || status.is_redirection();
        let passes =
            [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        let refused = refused && !passes.contains(&status);
        Err(Failure { text: format!("answered {status}: {said}"), refused, wait })
    }

    fn body(&self, message: &Message) -> serde_json::Result<String> {
        match &self.form {
            Form::Webhook { .. } => serde_json::to_string(message),
            // Slack reads these three as marks of its own.
            Form::Slack => {
                let text = message.whole();
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                serde_json::to_string(&json!({ "text": text }))
            }
            Form::Telegram { chat_id } => {
                let text = message.whole();
                serde_json::to_string(&json!({ "chat_id": chat_id, "text": text }))
            }
        }
    }
}

/// The signature of a body, as the header has it.
fn signature(secret: &Hidden, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes());
    // A key of any length will do.
    let Ok(mut mac) = mac else { return String::new() };
    mac.update(body);
    let mut text = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

async fn read(mut answer: reqwest::Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend(&chunk[..chunk.len().min(ANSWER_MAX - body.len())]);
        if body.len() == ANSWER_MAX {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The whole chain of causes, without the address, which may hold a token.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = if error.is_timeout() {
        "timed out".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        error.to_string()
    };
    let mut inner = std::error::Error::source(&error);
    while let Some(error) = inner {
        text = format!("{text}: {error}");
        inner = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn bodies_are_signed_as_the_standard_says() {
        let signed = signature(&Hidden::new("Jefe"), b"what do ya want for nothing?");
        assert_eq!(
            signed,
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
