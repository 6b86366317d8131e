//! Mail over TLS, from its first byte and after `STARTTLS`: the real command that tries the sinks, against a mail
//! server on loopback whose certificate is signed by an authority of these tests.
//!
//! `certificate/` was made with `openssl` and is good from 2020 to 2119 for `127.0.0.1`; nobody but these tests
//! trusts the authority. Its own key is gone.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{BINARY, Gateway, secret_file, stderr};
use server::{Security, Server};

fn authority() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/certificate/authority.pem")
}

/// Tries the one sink of a configuration that names this server so; `trusts` is the file with the authorities that
/// are believed.
fn tried(server: &Server, host: &str, trusts: &Path) -> Output {
    let gateway = Gateway::prepare("127.0.0.1:9", "");
    let password = gateway.path("password");
    secret_file(&password, "canarypass");
    let (port, tls) = (server.port, server.security.name());
    gateway.add(&format!(
        "[[alert]]\nkind = \"email\"\nserver = \"{host}:{port}\"\ntls = \"{tls}\"\nuser = \"me\"\n\
         password = {{ file = {password:?} }}\nfrom = \"plimsoll@example.com\"\nto = [\"a@example.com\"]\n"
    ));
    Command::new(BINARY)
        .args(["alerts", "--test", "--config"])
        .arg(gateway.path("plimsoll.toml"))
        .env("SSL_CERT_FILE", trusts)
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_mail_arrives_over_tls_from_the_first_byte() {
    arrives(Security::Implicit);
}

#[test]
fn a_mail_arrives_over_tls_after_starttls() {
    arrives(Security::StartTls);
}

fn arrives(security: Security) {
    let server = Server::start(security);
    let output = tried(&server, "127.0.0.1", &authority());
    assert!(output.status.success(), "{} {:?}", stderr(&output), server.heard());
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("Subject: [plimsoll] "), "{}", mails[0]);
    let heard = server.heard();
    let secured = |line: &&(bool, String)| line.0;
    // What it said in the clear, if anything: a greeting, and that it wants TLS.
    let clear: Vec<&str> =
        heard.iter().filter(|line| !secured(line)).map(|(_, line)| verb(line)).collect();
    match security {
        Security::Implicit => assert_eq!(clear, [""; 0]),
        Security::StartTls => assert_eq!(clear, ["EHLO", "STARTTLS"]),
    }
    let under_tls: Vec<&str> = heard.iter().filter(secured).map(|(_, line)| verb(line)).collect();
    for wanted in ["AUTH", "MAIL", "RCPT", "DATA"] {
        assert!(under_tls.contains(&wanted), "{wanted}: {under_tls:?}");
    }
    let said = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
    assert!(!said.contains("canary"), "{said}");
}

fn verb(line: &str) -> &str {
    line.split([' ', ':']).next().unwrap_or_default()
}

/// A certificate that nobody here trusts, and one of another name: no mail, no password, and the reason is said.
#[test]
fn a_stranger_hears_no_password() {
    let nobody = tempfile::NamedTempFile::new().unwrap();
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/certificate/server.pem");
    for security in [Security::Implicit, Security::StartTls] {
        for (host, trusts) in
            [("127.0.0.1", nobody.path()), ("127.0.0.1", &other), ("localhost", &authority())]
        {
            let server = Server::start(security);
            let output = tried(&server, host, trusts);
            let said = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{host}: {said}");
            assert!(said.contains("certificate"), "{host}: {said}");
            assert!(server.mails().is_empty());
            let heard = server.heard();
            let told = |line: &(bool, String)| matches!(verb(&line.1), "AUTH" | "MAIL");
            assert!(!heard.iter().any(told), "{heard:?}");
        }
    }
}
