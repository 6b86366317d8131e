//! Drills: strategies that go wrong on purpose, so that anyone can see on their own machine that an
//! agent's panic, endless loop or leak stays inside the agent's process.
//!
//! They trade nothing. `after` market events they start to misbehave; the gateway must go on, take
//! the agent's orders back, start it again a few times and then give it up with the cause.

use engine::{Event, Intents, Strategy, View};

use crate::info::{Make, StrategyInfo};
use crate::params::{BuildError, ParamInfo, ParamKind, Params};

/// What the names of drills begin with, and of no other strategy.
pub(crate) const PREFIX: &str = "drill-";

/// Panics.
pub(crate) const PANIC: StrategyInfo = info(
    "drill-panic",
    "drill: panics after some market events; the gateway must not notice more than an agent less",
    |params| drill(params, Mischief::Panic),
);

/// Never comes back.
pub(crate) const LOOP: StrategyInfo = info(
    "drill-loop",
    "drill: loops for ever after some market events; the lease must end it",
    |params| drill(params, Mischief::Loop),
);

/// Eats memory.
pub(crate) const LEAK: StrategyInfo = info(
    "drill-leak",
    "drill: leaks 4 MiB on each market event after some; the memory limit must end it",
    |params| drill(params, Mischief::Leak),
);

const PARAMS: &[ParamInfo] = &[ParamInfo {
    name: "after",
    kind: ParamKind::Whole { min: 0, max: 1_000_000_000 },
    default: Some("50"),
    about: "market events before it goes wrong",
}];

/// What the leak drill leaks on each market event, bytes.
const LEAK_BYTES: usize = 4 << 20;
/// Step in which the leak is touched: a page that is not touched costs no memory.
const PAGE_BYTES: usize = 4096;

const fn info(name: &'static str, about: &'static str, make: Make) -> StrategyInfo {
    StrategyInfo { name, about, params: PARAMS, source: crate::info::source!("drills.rs"), make }
}

fn drill(params: &Params<'_>, mischief: Mischief) -> Result<Box<dyn Strategy>, BuildError> {
    Ok(Box::new(Drill { left: params.whole("after")?, mischief, hoard: Vec::new() }))
}

#[derive(Clone, Copy, Debug)]
enum Mischief {
    Panic,
    Loop,
    Leak,
}

#[derive(Debug)]
struct Drill {
    /// Market events until it starts.
    left: u64,
    mischief: Mischief,
    hoard: Vec<Vec<u8>>,
}

impl Strategy for Drill {
    fn on_event(&mut self, _: &View<'_>, event: &Event<'_>, _: &mut Intents) {
        match event {
            Event::Started | Event::Agent(_) | Event::Timer => return,
            Event::Market(_) => {}
        }
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        match self.mischief {
            Mischief::Panic => panic!("drill-panic panics, as it was told to"),
            Mischief::Loop => loop {
                std::hint::spin_loop();
            },
            Mischief::Leak => self.leak(),
        }
    }
}

impl Drill {
    fn leak(&mut self) {
        let mut leak = vec![0; LEAK_BYTES];
        leak.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
        self.hoard.push(leak);
    }
}
