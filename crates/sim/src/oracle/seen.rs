//! What a world has seen, for its report: nothing is checked by it.

/// Counts of one world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Intents of agents.
    pub intents: u64,
    /// Orders that were written down.
    pub orders: u64,
    /// Executions that were counted.
    pub fills: u64,
    /// Orders that were in doubt at some time.
    pub doubts: u64,
    /// Starts of a gateway.
    pub starts: u64,
    /// Comparisons of all books after a healing.
    pub comparisons: u64,
    /// Executions that were taken out of the books again.
    pub busts: u64,
    /// Halts.
    pub halts: u64,
    /// Halts that a person lifted in two steps.
    pub resumes: u64,
}

impl Seen {
    /// Adds another world's.
    pub fn add(&mut self, other: &Seen) {
        self.intents += other.intents;
        self.orders += other.orders;
        self.fills += other.fills;
        self.doubts += other.doubts;
        self.starts += other.starts;
        self.comparisons += other.comparisons;
        self.busts += other.busts;
        self.halts += other.halts;
        self.resumes += other.resumes;
    }
}
