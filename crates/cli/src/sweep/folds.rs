//! Walking forward: parameters are chosen on one piece of the data and traded on the next one, which nobody had
//! seen when they were chosen.

use std::collections::BTreeMap;

use super::runs::{By, Tried};
use super::shared::Loaded;

/// One step forward.
pub(super) struct Fold {
    /// What was best on the piece before.
    pub(super) params: BTreeMap<String, String>,
    /// The figure it was chosen by, there.
    pub(super) chosen_at: f64,
    /// The same figure on this piece.
    pub(super) came_to: f64,
    /// What it earned on this piece.
    pub(super) total_return: f64,
}

/// The data in so many pieces of equal time; fewer where there is not as much.
pub(super) fn pieces(files: &[Loaded], count: u32) -> Vec<(i64, i64)> {
    let spans: Vec<_> = files.iter().filter_map(Loaded::span).collect();
    let first = spans.iter().map(|(first, _)| *first).min().unwrap_or(0);
    let last = spans.iter().map(|(_, last)| *last).max().unwrap_or(0);
    let length = (last - first) / i64::from(count) + 1;
    let piece = |n: u32| {
        let from = first + length * i64::from(n);
        (from, from + length)
    };
    // A book in the middle of which a piece begins is not known there.
    if files.iter().any(Loaded::is_book) {
        return Vec::new();
    }
    let has_rows = |span: &(i64, i64)| files.iter().any(|file| file.has_rows(*span));
    (0..count).map(piece).filter(has_rows).collect()
}

/// The best of each piece, on the next one.
pub(super) fn walk(tried: &[Tried], by: By) -> Vec<Fold> {
    let count = tried.iter().map(|tried| tried.pieces.len()).min().unwrap_or(0);
    let step = |piece: usize| {
        let (best, chosen_at) = best_on(tried, piece - 1, by)?;
        let figures = &best.pieces[piece];
        Some(Fold {
            params: best.params.clone(),
            chosen_at,
            came_to: by.of(figures),
            total_return: figures.total_return,
        })
    };
    (1..count).filter_map(step).collect()
}

/// The first of the best, and its figure.
fn best_on(tried: &[Tried], piece: usize, by: By) -> Option<(&Tried, f64)> {
    let figures = tried.iter().map(|tried| (tried, by.of(&tried.pieces[piece])));
    figures.reduce(|best, next| if next.1.total_cmp(&best.1).is_gt() { next } else { best })
}
