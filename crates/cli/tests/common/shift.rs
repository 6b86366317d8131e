//! A machine's clock that can be set for one process: a library that is loaded in front of the
//! system's adds what a file says to the time of day.

use std::path::PathBuf;
use std::process::Command;

use super::Gateway;

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

/// The clock of one process.
pub(crate) struct Shift {
    library: PathBuf,
    file: PathBuf,
}

impl Shift {
    /// Builds it beside the gateway's files; the clock is right at first.
    pub(crate) fn new(gateway: &Gateway) -> Shift {
        let (source, library) = (gateway.path("shift.c"), gateway.path("shift.so"));
        std::fs::write(&source, SHIFT).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
        assert!(compiler.status().unwrap().success(), "the build needs a C compiler anyway");
        let shift = Shift { library, file: gateway.path("shift") };
        shift.set(0);
        shift
    }

    /// Loads it in front of what the command runs.
    pub(crate) fn load(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("SHIFT_FILE", &self.file);
    }

    /// Sets the clock so many seconds ahead of the right time. At once or not yet: never half.
    pub(crate) fn set(&self, seconds: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, seconds.to_string()).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }
}
