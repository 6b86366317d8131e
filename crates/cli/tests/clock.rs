//! The machine's clock is set while a gateway runs: forwards by an hour, back by two. It goes on by
//! its own time and says so.
//!
//! The step is a library that is loaded in front of the system's: it adds what a file says to the
//! time of day, for that one process.

mod common;

use std::process::Command;
use std::time::Duration;

use common::{Gateway, Venue};
use model::{Record, TradingState};

const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int done = syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("SHIFT_FILE");
    if (done == 0 && clock == CLOCK_REALTIME && path) {
        FILE *file = fopen(path, "r");
        long seconds = 0;
        if (file) {
            if (fscanf(file, "%ld", &seconds) == 1) time->tv_sec += seconds;
            fclose(file);
        }
    }
    return done;
}
"#;

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 200 }\n";

#[test]
fn a_clock_that_is_set_moves_nothing() {
    let venue = Venue::start(&["--market", "synthetic:21"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    let (source, library) = (gateway.path("shift.c"), gateway.path("shift.so"));
    let shift = gateway.path("shift");
    std::fs::write(&source, SHIFT).unwrap();
    std::fs::write(&shift, "0").unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    assert!(compiler.status().unwrap().success(), "the build needs a C compiler anyway");
    let mut command = gateway.command();
    command.env("LD_PRELOAD", &library).env("SHIFT_FILE", &shift);
    gateway.spawn(command);
    let orders = |entries: &[model::Entry]| {
        entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count()
    };
    gateway.wait(30, "it trades", |entries| orders(entries) > 2);

    for seconds in ["3600", "-3600"] {
        let before = gateway.entries();
        std::fs::write(&shift, seconds).unwrap();
        std::thread::sleep(Duration::from_secs(2));
        gateway.wait(20, "it trades on", |entries| orders(entries) > orders(&before) + 2);
    }
    assert!(gateway.log().contains("the machine's clock was set"), "{}", gateway.log());
    let entries = gateway.entries();
    for pair in entries.windows(2) {
        let step = pair[1].at.since(pair[0].at);
        assert!(pair[1].at >= pair[0].at && step < Duration::from_secs(10), "{pair:#?}");
    }
    let inactive = |e: &&model::Entry| matches!(e.record, Record::Trading { state, .. } if state != TradingState::Active);
    let stopped = entries.iter().skip_while(|e| !matches!(e.record, Record::Accepted { .. }));
    assert_eq!(stopped.filter(inactive).count(), 0, "it traded all the time");
    assert!(gateway.stop().success(), "{}", gateway.log());
}
