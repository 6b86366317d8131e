//! What the shared types read and print.

use proptest::prelude::*;

use super::*;

#[test]
fn numbers_in_quotes_and_not() {
    let read = |json: &str| serde_json::from_str::<Num>(json).map(|n| n.to_string());
    for (json, text) in [
        (r#""61234.50""#, "61234.5"),
        (r#""""#, ""),
        ("null", ""),
        ("42", "42"),
        (r#""-0.28560028286595""#, "-0.28560028286595"),
        (r#""61234.5123456789012345678901""#, "61234.512345678901234567"),
    ] {
        assert_eq!(read(json).unwrap(), text, "{json}");
    }
    for json in [r#""x""#, r#""1.2.3""#, "1.5", r#""1.12345678901234567890x""#, "{}"] {
        assert!(read(json).is_err(), "{json}");
    }
    let bare: Bare = serde_json::from_str("25.10").unwrap();
    assert_eq!(serde_json::to_string(&bare).unwrap(), "25.1");
}

#[test]
fn times_and_never() {
    let read = |json: &str| serde_json::from_str::<Time>(json);
    for never in ["null", r#""""#, r#""0001-01-01T00:00:00Z""#] {
        assert_eq!(read(never).unwrap(), Time(None), "{never}");
    }
    let time = read(r#""2026-01-01T00:00:00.123456789Z""#).unwrap();
    assert_eq!(time.0.unwrap().nanos(), 1_767_225_600_123_456_789);
    assert_eq!(serde_json::to_string(&Time(None)).unwrap(), r#""0001-01-01T00:00:00Z""#);
    assert!(read(r#""yesterday""#).is_err());
}

#[test]
fn a_configuration_has_one_key() {
    let read = |json: &str| serde_json::from_str::<OrderConfiguration>(json).unwrap();
    let limit =
        r#"{"limit_limit_gtc":{"base_size":"0.002","limit_price":"61234.5","post_only":true}}"#;
    let read_limit = read(limit);
    let (key, configuration) = read_limit.only().unwrap();
    assert_eq!((key, configuration.post_only), ("limit_limit_gtc", Some(true)));
    assert_eq!(serde_json::to_string(&read_limit).unwrap(), limit);
    assert_eq!(read(r#"{"a":null,"limit_limit_gtc":{}}"#).only().unwrap().0, "limit_limit_gtc");
    for json in ["null", "{}", r#"{"a":{},"b":{}}"#] {
        assert_eq!(read(json).only(), None, "{json}");
    }
}

#[test]
fn the_first_reason_that_says_something() {
    let error = |new: &str, preview: &str, error: &str| OrderError {
        new_order_failure_reason: new.to_owned(),
        preview_failure_reason: preview.to_owned(),
        error: error.to_owned(),
        ..OrderError::default()
    };
    for (given, reason) in [
        (error("A", "B", "C"), "A"),
        (error("UNKNOWN_FAILURE_REASON", "B", "C"), "B"),
        (error("", "UNKNOWN_PREVIEW_FAILURE_REASON", "C"), "C"),
        (error("", "", "UNKNOWN_FAILURE_REASON"), ""),
    ] {
        assert_eq!(given.reason(), reason);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(mantissa in any::<i64>(), decimals in 0u32..19, nanos in 0i64..i64::MAX) {
        let number = Num::from(Decimal::new(mantissa, decimals));
        let json = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(serde_json::from_str::<Num>(&json).unwrap(), number);
        let time = Time::from(Timestamp::from_nanos(nanos));
        let json = serde_json::to_string(&time).unwrap();
        prop_assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), time);
    }
}
