//! The ways out, each a file: one message there, or why not.

mod desktop;
mod email;
mod failure;
mod http;
mod log;

use self::desktop::Desktop;
use self::email::Email;
pub use self::email::check_mail_address;
use self::failure::ATTEMPT_MAX;
pub(crate) use self::failure::Failure;
use self::http::Http;
use self::log::Log;
use crate::hidden::Hidden;
use crate::message::Message;
use crate::settings::{Kind, SinkSettings};

/// Longest text of a failure, characters.
const FAILURE_MAX: usize = 300;

/// One sink, ready to deliver.
pub(crate) struct Sink {
    way: Way,
    secrets: Vec<Hidden>,
}

enum Way {
    Http(Http),
    Email(Email),
    Desktop(Desktop),
    Log(Log),
    /// It cannot be made as it is configured.
    Broken(String),
}

impl Sink {
    pub(crate) fn new(settings: &SinkSettings) -> Sink {
        let way = match &settings.kind {
            Kind::Webhook { url, secret } => {
                Http::webhook(url.clone(), secret.clone()).map(Way::Http)
            }
            Kind::Slack { url } => Http::slack(url.clone()).map(Way::Http),
            Kind::Telegram { base, token, chat_id } => {
                Http::telegram(base, token, chat_id.clone()).map(Way::Http)
            }
            Kind::Email(email) => Email::new(email).map(Way::Email),
            Kind::Desktop => Ok(Way::Desktop(Desktop)),
            Kind::Log { path } => Ok(Way::Log(Log::new(path.clone()))),
        };
        let secrets = settings.secrets().into_iter().cloned().collect();
        Sink { way: way.unwrap_or_else(Way::Broken), secrets }
    }

    /// Hands the message over: done when the other side has said that it has it.
    pub(crate) async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let attempt = async {
            match &self.way {
                Way::Http(http) => http.deliver(message).await,
                Way::Email(email) => email.deliver(message).await,
                Way::Desktop(desktop) => desktop.deliver(message).await,
                Way::Log(log) => log.deliver(message).await,
                Way::Broken(problem) => Err(Failure::refused(problem)),
            }
        };
        let done = tokio::time::timeout(ATTEMPT_MAX, attempt).await.unwrap_or_else(|_| {
            Err(Failure::passing(format!("no answer within {} s", ATTEMPT_MAX.as_secs())))
        });
        done.map_err(|failure| Failure { text: self.clean(&failure.text), ..failure })
    }

    /// Without secrets that others repeat, on one line, and not too long.
    fn clean(&self, text: &str) -> String {
        let text =
            self.secrets.iter().fold(text.to_owned(), |text, hidden| hidden.cut_out_of(&text));
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.chars().take(FAILURE_MAX).collect()
    }
}
