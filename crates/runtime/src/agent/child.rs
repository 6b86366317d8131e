//! The other side: what runs in the process of a built-in strategy. Reads lines, lets the strategy
//! look, writes lines. Blocking and without a runtime: there is nothing else to do here.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use engine::Runner;
use engine::protocol::{self, FromAgent, Hello, LineError, ToAgent, VERSION};

/// Lines that are dealt with before that is said, while more are waiting.
const SILENT_MAX: usize = 64;
/// Bytes that are read in one go.
const READ_BYTES: usize = 1 << 16;
/// How often the process looks whether the gateway is still there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why an agent's process ends other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The streams are broken.
    #[error("standard input or output: {0}")]
    Stream(#[from] io::Error),
    /// A line that is not of the protocol.
    #[error("the gateway said a line that is not of the protocol: {0}")]
    Line(#[from] LineError),
    /// The first line is not hello: somebody has started this by hand.
    #[error("the first line must be hello; this is started by `plimsoll run`, not by hand")]
    NoHello,
    /// The gateway is of another version.
    #[error("the gateway speaks version {0} of the agent protocol, this agent speaks {VERSION}")]
    Version(u32),
    /// Hello names no strategy.
    #[error("hello names no strategy to run")]
    NoStrategy,
    /// The strategy cannot be built.
    #[error(transparent)]
    Build(#[from] agents::BuildError),
}

/// Runs the strategy that hello names, on standard input and output, until the input ends.
pub fn run_child() -> Result<(), ChildError> {
    std::panic::set_hook(Box::new(|panic| {
        // One line: the gateway shows the last one as the cause.
        eprintln!("{}", panic.to_string().replace('\n', " "));
    }));
    watch_parent();
    converse(io::stdin().lock(), io::stdout().lock())
}

/// An agent without a gateway is of no use, and one that is caught in a loop does not see its input
/// end. A process whose parent has died is given another one.
fn watch_parent() {
    let parent = std::os::unix::process::parent_id();
    let watch = move || {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(LOOK_EVERY);
        }
        std::process::exit(1);
    };
    // Without the watch the agent still works.
    drop(std::thread::Builder::new().name("parent-watch".into()).spawn(watch));
}

fn converse(input: impl Read, mut output: impl Write) -> Result<(), ChildError> {
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let mut line = Vec::new();
    let Some(ToAgent::Hello(hello)) = next(&mut input, &mut line)? else {
        return Err(ChildError::NoHello);
    };
    let (strategy, mut runner) = build(&hello)?;
    let mut said = vec![FromAgent::Ready { version: VERSION, strategy }];
    runner.start(hello.now, &mut said);
    let mut bytes = Vec::new();
    let mut handled = None;
    let mut silent = 0;
    loop {
        // Whatever it wants goes out at once; that it has listened can wait until it has caught up.
        let more_waits = input.buffer().contains(&b'\n');
        if !said.is_empty() || !more_waits || silent >= SILENT_MAX {
            silent = 0;
            said.extend(handled.take().map(|seq| FromAgent::Handled { seq }));
            bytes.clear();
            for line in said.drain(..) {
                protocol::write_line(&line, &mut bytes)?;
            }
            output.write_all(&bytes)?;
            output.flush()?;
        }
        match next(&mut input, &mut line)? {
            None | Some(ToAgent::Stop {}) => return Ok(()),
            Some(line) => {
                runner.handle(&line, &mut said);
                handled = line.seq().or(handled);
                silent += 1;
            }
        }
    }
}

fn build(hello: &Hello) -> Result<(String, Runner<Box<dyn engine::Strategy>>), ChildError> {
    if hello.version != VERSION {
        return Err(ChildError::Version(hello.version));
    }
    let name = hello.strategy.clone().ok_or(ChildError::NoStrategy)?;
    let strategy = agents::build(&name, &hello.params, &hello.instruments)?;
    Ok((name, Runner::new(hello, strategy)))
}

/// The next line; `None` at the end of the input. The gateway is trusted with the length.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Option<ToAgent>, ChildError> {
    line.clear();
    if input.read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    Ok(Some(protocol::read_line(line)?))
}
