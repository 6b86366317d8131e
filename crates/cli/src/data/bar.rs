//! How far the reading is, for who looks on; nothing where nobody does.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar over the bytes of the files.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Bar {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{bar:40} {bytes}/{total_bytes}, {msg}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Bar(bar)
    }

    pub(crate) fn show(&self, read: u64, size: u64, rows: u64) {
        self.0.set_length(size);
        self.0.set_position(read.min(size));
        self.0.set_message(format!("{rows} rows"));
    }

    pub(crate) fn done(&self) {
        self.0.finish_and_clear();
    }
}
