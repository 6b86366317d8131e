//! The machine's clock is set while a gateway runs: forwards by an hour, back by two. It goes on by
//! its own time and says so.

mod common;

use std::time::Duration;

use common::shift::Shift;
use common::{Gateway, Venue};
use model::{Record, TradingState};

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 200 }\n";

#[test]
fn a_clock_that_is_set_moves_nothing() {
    let venue = Venue::start(&["--market", "synthetic:21"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    let shift = Shift::new(&gateway);
    let mut command = gateway.command();
    shift.load(&mut command);
    gateway.spawn(command);
    let orders = |entries: &[model::Entry]| {
        entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count()
    };
    gateway.wait(30, "it trades", |entries| orders(entries) > 2);

    for seconds in [3_600, -3_600] {
        let before = gateway.entries();
        shift.set(seconds);
        std::thread::sleep(Duration::from_secs(2));
        gateway.wait(20, "it trades on", |entries| orders(entries) > orders(&before) + 2);
    }
    assert!(gateway.log().contains("the machine's clock was set"), "{}", gateway.log());
    let entries = gateway.entries();
    for pair in entries.windows(2) {
        let step = pair[1].at.since(pair[0].at);
        assert!(pair[1].at >= pair[0].at && step < Duration::from_secs(10), "{pair:#?}");
    }
    let is_inactive = |e: &&model::Entry| matches!(e.record, Record::Trading { state, .. } if state != TradingState::Active);
    let since = entries.iter().skip_while(|e| !matches!(e.record, Record::Accepted { .. }));
    let stopped: Vec<_> = since.filter(is_inactive).collect();
    assert!(stopped.is_empty(), "it traded all the time: {stopped:#?}");
    assert!(gateway.stop().success(), "{}", gateway.log());
}
