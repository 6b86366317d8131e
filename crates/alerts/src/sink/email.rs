//! A mail by SMTP.
//!
//! One connection for each mail: alerts are few, and a kept connection is dead when it is needed.

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Security, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::failure::{ATTEMPT_MAX, Failure};
use crate::message::Message;
use crate::settings::{EmailSettings, Tls};

/// Is it an address, with or without a name before it? Else why not.
pub fn check_mail_address(text: &str) -> Result<(), String> {
    mailbox(text).map(drop)
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse::<Mailbox>().map_err(|error| format!("{text:?} is no mail address: {error}"))
}

pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Email {
    pub(super) fn new(settings: &EmailSettings) -> Result<Email, String> {
        let host = &settings.host;
        let parameters = || {
            TlsParameters::new(host.clone()).map_err(|error| format!("no TLS for {host}: {error}"))
        };
        let security = match settings.tls {
            Tls::None => Security::None,
            Tls::StartTls => Security::Required(parameters()?),
            Tls::Implicit => Security::Wrapper(parameters()?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str())
            .port(settings.port)
            .tls(security)
            .timeout(Some(ATTEMPT_MAX));
        if let Some((user, password)) = &settings.login {
            let password = password.reveal().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        let to = settings.to.iter().map(|text| mailbox(text)).collect::<Result<_, _>>()?;
        Ok(Email { transport: transport.build(), from: mailbox(&settings.from)?, to })
    }

    pub(super) async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let mail = self.mail(message).map_err(|error| Failure::refused(error.to_string()))?;
        let sent = self.transport.send(mail).await;
        sent.map(drop).map_err(|error| {
            let mut text = error.to_string();
            let mut inner = std::error::Error::source(&error);
            while let Some(error) = inner {
                let cause = error.to_string();
                if !text.contains(&cause) {
                    text = format!("{text}: {cause}");
                }
                inner = error.source();
            }
            Failure { text, refused: error.is_permanent(), wait: None }
        })
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(format!("[plimsoll] {}", message.title()))
            // The same at each attempt, so that a mail that comes twice is one.
            .message_id(Some(format!("<{}@plimsoll.invalid>", message.id)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        mail.body(message.body())
    }
}
