//! What opens the gates before real money, for stories of other things.

/// Stories of other things than the gates open them all, and begin with all of their limits. In plain sight, as in any
/// configuration: there is no other way.
pub(crate) const OPEN: &str = r#"
[gates.override]
paper-record = "a test against a simulated exchange"
watchdog = "a test of other things than the watchdog"
key-scopes = "a test against a simulated exchange"
alerts = "a test that nobody has to hear of"
loss-max = "a test with made-up money"
[ramp]
start_percent = 100
"#;
