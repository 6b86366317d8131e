//! Each wall against the attack that it is for.

use hyper::header::{HeaderValue, SET_COOKIE};

use super::*;

const TOKEN: &str = "0123456789abcdef";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn access(token: Option<&str>) -> Access {
    Access { table: "dashboard", token: token.map(str::to_owned), hosts: Vec::new() }
}

fn open() -> Guard {
    Guard::new(at("127.0.0.1:9400"), access(None)).unwrap()
}

fn locked_by_token() -> Guard {
    let access = Access { hosts: vec!["Box.lan".to_owned()], ..access(Some(TOKEN)) };
    Guard::new(at("0.0.0.0:9400"), access).unwrap()
}

/// The pair of a cookie that was set.
fn pair(set: &str) -> String {
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn only_this_machine_needs_no_token() {
    let new = |listen, token: Option<&str>| Guard::new(at(listen), access(token)).map(|_| ());
    assert_eq!(new("127.0.0.1:1", None), Ok(()));
    assert_eq!(new("[::1]:1", None), Ok(()));
    for listen in ["0.0.0.0:1", "[::]:1", "192.168.1.2:1"] {
        assert_eq!(new(listen, None), Err(AccessError::Open(at(listen), "dashboard")));
        assert_eq!(new(listen, Some(TOKEN)), Ok(()));
    }
    assert_eq!(new("127.0.0.1:1", Some("short")), Err(AccessError::Short(5)));
}

#[test]
fn a_name_that_is_not_ours_is_refused() {
    let cases = [
        (&["127.0.0.1:9400"][..], true, true),
        (&["localhost:9400"], true, true),
        (&["LOCALHOST"], true, true),
        (&["[::1]:9400"], true, true),
        (&["192.168.1.2:9400"], false, true), // an address cannot be rebound, but has no business here without a token
        (&["box.lan:9400"], false, true),
        (&["evil.example:9400"], false, false),
        (&["127.0.0.1.evil.example"], false, false),
        (&["localhost.evil.example:9400"], false, false),
        (&["[::1].evil.example"], false, false),
        (&[""], false, false),
        (&[], false, false),
        (&["127.0.0.1:9400", "evil.example"], false, false),
    ];
    for (hosts, to_open, to_locked) in cases {
        let pairs: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        assert_eq!(open().host(&headers(&pairs)).is_ok(), to_open, "open, {hosts:?}");
        assert_eq!(
            locked_by_token().host(&headers(&pairs)).is_ok(),
            to_locked,
            "locked, {hosts:?}"
        );
    }
}

#[test]
fn pages_of_others_are_refused() {
    let host = ("host", "127.0.0.1:9400");
    for (pairs, looks, does) in [
        (vec![host], true, true),
        (vec![host, ("origin", "http://127.0.0.1:9400")], true, true),
        (vec![host, ("sec-fetch-site", "same-origin")], true, true),
        (vec![host, ("sec-fetch-site", "none")], true, false),
        (vec![host, ("sec-fetch-site", "same-site")], false, false),
        (vec![host, ("sec-fetch-site", "cross-site")], false, false),
        (vec![host, ("origin", "http://127.0.0.1:9401")], false, false),
        (vec![host, ("origin", "null")], false, false),
        (vec![host, ("origin", "http://evil.example")], false, false),
    ] {
        let map = headers(&pairs);
        assert_eq!(open().site(&map, false).is_ok(), looks, "{pairs:?}");
        assert_eq!(open().site(&map, true).is_ok(), does, "{pairs:?}");
    }
}

#[test]
fn the_token_opens_a_session_that_only_its_cookie_has() {
    let guard = locked_by_token();
    assert_eq!(guard.session(&headers(&[])), Err(Refused::LogIn));
    assert_eq!(guard.log_in("0123456789abcdeF"), Err(Refused::LogIn));
    let set = guard.log_in(TOKEN).unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    assert!(set.starts_with("plimsoll_9400=") && !set.contains(TOKEN), "{set}");
    let cookie = headers(&[("cookie", &format!("other=1; {}", pair(&set)))]);
    let session = guard.session(&cookie).unwrap();
    assert_eq!(guard.session(&cookie), Ok(session));
    for wrong in ["plimsoll_9400=", "plimsoll_9401=x", &pair(&set).replace("9400", "9401")] {
        assert_eq!(guard.session(&headers(&[("cookie", wrong)])), Err(Refused::LogIn));
    }
    let gone = guard.log_out(&cookie);
    assert!(gone.contains("Max-Age=0"), "{gone}");
    assert_eq!(guard.session(&cookie), Err(Refused::LogIn));
    assert_eq!(SET_COOKIE.as_str(), "set-cookie");
}

#[test]
fn a_token_cannot_be_tried_out() {
    let guard = locked_by_token();
    for _ in 0..LOGINS_MAX {
        assert_eq!(guard.log_in("wrong"), Err(Refused::LogIn));
    }
    assert_eq!(guard.log_in(TOKEN), Err(Refused::Often), "the right one neither");
}

#[test]
fn a_halt_needs_the_word_and_is_not_repeated_without_end() {
    let guard = open();
    let word = guard.session(&headers(&[])).unwrap().word;
    let host = ("host", "127.0.0.1:9400");
    assert_eq!(guard.halt(&headers(&[host])), Err(Refused::Word));
    assert_eq!(guard.halt(&headers(&[host, ("x-plimsoll-word", "x")])), Err(Refused::Word));
    let right = ("x-plimsoll-word", word.as_str());
    let evil = ("origin", "http://evil.example");
    assert_eq!(guard.halt(&headers(&[host, right, evil])), Err(Refused::Site));
    for _ in 0..HALTS_MAX {
        assert_eq!(guard.halt(&headers(&[host, right])), Ok(()));
    }
    assert_eq!(guard.halt(&headers(&[host, right])), Err(Refused::Often));
    let guard = locked_by_token();
    assert_eq!(guard.halt(&headers(&[host, right])), Err(Refused::LogIn));
    // The word of one session is no other's.
    let cookie = |guard: &Guard| pair(&guard.log_in(TOKEN).unwrap());
    let (one, other) = (cookie(&guard), cookie(&guard));
    let word = guard.session(&headers(&[("cookie", &one)])).unwrap().word;
    let halt = |cookie: &str| {
        guard.halt(&headers(&[host, ("cookie", cookie), ("x-plimsoll-word", &word)]))
    };
    assert_eq!((halt(&other), halt(&one)), (Err(Refused::Word), Ok(())));
}

#[test]
fn a_program_brings_the_token_itself() {
    let guard = locked_by_token();
    let with = |value: &str| guard.bearer(&headers(&[("authorization", value)]));
    assert_eq!(guard.bearer(&headers(&[])), Err(Refused::LogIn));
    assert_eq!(with(&format!("Basic {TOKEN}")), Err(Refused::LogIn));
    assert_eq!(with("Bearer wrong"), Err(Refused::LogIn));
    let tries: Vec<_> = (0..LOGINS_MAX).map(|_| with("Bearer wrong")).collect();
    assert_eq!(tries.last(), Some(&Err(Refused::Often)));
    assert_eq!(with(&format!("Bearer {TOKEN}")), Ok(()), "who knows it is not held up by others");
    assert_eq!(open().bearer(&headers(&[])), Ok(()));
}
