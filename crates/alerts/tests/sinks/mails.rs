//! Mails, to a server on loopback.

use plimsoll_alerts::{EmailSettings, Tls, trial};

use super::smtp::Server;
use super::*;

fn email(server: &Server, tls: Tls, login: Option<(&str, &str)>) -> SinkSettings {
    let login = login.map(|(user, password)| (user.to_owned(), Hidden::new(password)));
    sink(
        "mail",
        Kind::Email(EmailSettings {
            host: "127.0.0.1".to_owned(),
            port: server.addr.port(),
            tls,
            login,
            from: "Plimsoll <plimsoll@example.com>".to_owned(),
            to: vec!["a@example.com".to_owned(), "b@example.com".to_owned()],
        }),
    )
}

async fn tried(sink: SinkSettings) -> Option<String> {
    let settings = Settings { source: "sim".to_owned(), sinks: vec![sink] };
    trial(&settings, clock()).await.pop().unwrap().failure
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_position_and_open_orders() {
    let server = Server::start(None).await;
    let alerts = start(vec![email(&server, Tls::None, None)]);
    alerts.raise(halted("halted: enough"), standing());
    wait("the mail", HARD_BOUND, || alerts.state()[0].delivered == 1).await;
    let mail = &server.mails()[0];
    assert_eq!(mail.from, "MAIL FROM:<plimsoll@example.com>");
    assert_eq!(mail.to, ["RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>"]);
    assert!(mail.text.contains("Subject: [plimsoll] CRITICAL sim: halted\r\n"), "{}", mail.text);
    assert!(mail.text.contains("Message-ID: <"), "{}", mail.text);
    let body = mail.text.split_once("\r\n\r\n").unwrap().1.replace("=\r\n", "");
    assert!(body.contains("halted; position 0.25 BTC-USDT; open orders: 3, in doubt: 1"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_password_gets_it() {
    let server = Server::start(Some(("me", "canary pass"))).await;
    assert_eq!(tried(email(&server, Tls::None, Some(("me", "canary pass")))).await, None);
    assert_eq!(server.mails().len(), 1);
    for login in [None, Some(("me", "wrong-canary"))] {
        let failure = tried(email(&server, Tls::None, login)).await.unwrap();
        assert!(failure.contains("53"), "{failure}");
        assert!(!failure.contains("canary"), "{failure}");
    }
    assert_eq!(server.mails().len(), 1);
}

/// A password never goes over a connection that was to be secured and is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_hears_nothing_where_tls_is_wanted() {
    let server = Server::start(Some(("me", "canary"))).await;
    for tls in [Tls::StartTls, Tls::Implicit] {
        let failure = tried(email(&server, tls, Some(("me", "canary")))).await;
        assert!(failure.is_some(), "{tls:?}");
    }
    assert!(server.mails().is_empty());
    let said = server.said();
    assert!(
        !said.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_said() {
    let server = Server::start(None).await;
    let mut sink = email(&server, Tls::None, None);
    if let Kind::Email(email) = &mut sink.kind {
        email.to = vec!["nobody".to_owned()];
    }
    let failure = tried(sink).await.unwrap();
    assert!(failure.contains("\"nobody\" is no mail address"), "{failure}");
}
