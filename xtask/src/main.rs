//! `cargo xtask`: every task of this repository, in one place and in Rust.
//!
//! One binary instead of a folder of scripts, so that what a developer runs and what the gate runs
//! is the same code, checked by the same compiler. This file only finds the task by its name.

mod bench;
mod ci;
mod counts;
mod defects;
mod fuzz;
mod kills;
mod outcome;
mod peers;
mod servers;
mod shell;
mod test;
mod tidy;
mod venv;

use std::process::ExitCode;

use anyhow::Result;

struct Task {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "test",
        usage: "[--rust] [--clients] [--peers]",
        help: "run all tests, installing what they need; a flag runs that half only, and --peers what compares \
               backtests with other projects'",
        run: test::task,
    },
    Task {
        name: "tidy",
        usage: "",
        help: "check the house rules that the compiler cannot: dependencies, purity, circles of files",
        run: tidy::task,
    },
    Task {
        name: "ci",
        usage: "",
        help: "what the gate runs: fmt, clippy, tidy, deny, test, a short fuzz",
        run: ci::task,
    },
    Task {
        name: "bench",
        usage: "[args]",
        help: "run the benchmarks in release mode; `bench peers` compares with other projects, `bench kill-processes` \
               tries the kill switch with real processes",
        run: bench::task,
    },
    Task {
        name: "defects",
        usage: "",
        help: "find every deliberate bug with simulated worlds, and say after how many",
        run: defects::task,
    },
    Task {
        name: "fuzz",
        usage: "[--seconds N] [target]...",
        help: "run each fuzz target for N seconds (default 20)",
        run: fuzz::task,
    },
    Task {
        name: "kills",
        usage: "[--trials N] [binance|coinbase]",
        help: "kill the gateway right behind an order's first byte N times (default 1000) and compare books",
        run: kills::task,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        print_tasks();
        return ExitCode::SUCCESS;
    };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        let help = matches!(name.as_str(), "help" | "--help" | "-h");
        if !help {
            eprintln!("xtask: there is no task `{name}`\n");
        }
        print_tasks();
        return if help { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match (task.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            ExitCode::from(if error.is::<shell::Usage>() { 2 } else { 1 })
        }
    }
}

fn print_tasks() {
    println!("cargo xtask TASK\n");
    for task in TASKS {
        println!("  {:<32} {}", format!("{} {}", task.name, task.usage), task.help);
    }
}
