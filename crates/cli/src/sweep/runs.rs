//! The runs of a sweep, as many at a time as there are threads.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::backtest::{Backtest, Report, Setup, instruments_of};
use anyhow::anyhow;
use data::Source;
use serde::Serialize;

use super::shared::Loaded;
use crate::failure::Failure;

/// What the best is best by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Sharpe,
    TotalReturn,
    MaxDrawdown,
}

impl By {
    pub(super) fn parse(text: &str) -> Result<By, String> {
        match text {
            "sharpe" => Ok(By::Sharpe),
            "total_return" => Ok(By::TotalReturn),
            "max_drawdown" => Ok(By::MaxDrawdown),
            _ => Err("there are sharpe, total_return and max_drawdown".to_owned()),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            By::Sharpe => "sharpe",
            By::TotalReturn => "total_return",
            By::MaxDrawdown => "max_drawdown",
        }
    }

    /// More is better.
    pub(super) fn of(self, figures: &Figures) -> f64 {
        match self {
            By::Sharpe => figures.sharpe,
            By::TotalReturn => figures.total_return,
            By::MaxDrawdown => -figures.max_drawdown,
        }
    }
}

/// What a choice can go by, of all the data or of a piece of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) sharpe: f64,
    pub(super) total_return: f64,
    max_drawdown: f64,
}

impl Figures {
    pub(super) fn of(report: &Report) -> Figures {
        let Report { sharpe, total_return, max_drawdown, .. } = *report;
        Figures { sharpe, total_return, max_drawdown }
    }
}

/// One combination and what it came to.
pub(super) struct Tried {
    pub(super) params: BTreeMap<String, String>,
    pub(super) report: Report,
    /// On each piece of the data.
    pub(super) pieces: Vec<Figures>,
}

/// All that runs of a sweep share.
pub(super) struct Sweep<'a> {
    pub(super) setup: &'a Setup,
    pub(super) agent: &'a str,
    pub(super) files: &'a [Loaded],
    pub(super) threads: usize,
}

pub(super) fn sources(files: &[Loaded], span: (i64, i64)) -> Vec<Box<dyn Source>> {
    files.iter().map(|file| file.source(span)).collect()
}

impl Sweep<'_> {
    /// One report for each combination, in their order, on rows of this time.
    pub(super) fn each(
        &self,
        all: &[BTreeMap<String, String>],
        span: (i64, i64),
        look: &(impl Fn() + Sync),
    ) -> Result<Vec<Report>, Failure> {
        let next = AtomicUsize::new(0);
        let reports: Mutex<Vec<Option<Result<Report, Failure>>>> =
            Mutex::new(all.iter().map(|_| None).collect());
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(all.len()) {
                scope.spawn(|| {
                    while let Some((at, params)) = take(&next, all) {
                        let report = self.one(params, span);
                        let mut reports =
                            reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        reports[at] = Some(report);
                        drop(reports);
                        look();
                    }
                });
            }
        });
        let reports = reports.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lost = || Err(anyhow!("a run of the sweep did not end").into());
        reports.into_iter().map(|report| report.unwrap_or_else(lost)).collect()
    }

    fn one(&self, params: &BTreeMap<String, String>, span: (i64, i64)) -> Result<Report, Failure> {
        let sources = sources(self.files, span);
        let instruments = instruments_of(&sources).map_err(Failure::usage)?;
        let strategy = agents::build(self.agent, params, &instruments).map_err(Failure::usage)?;
        let mut backtest = Backtest::new(self.setup, sources, None, |_| strategy)?;
        backtest.run(|_, _| {})?;
        Ok(backtest.report().without_lists())
    }
}

fn take<'a, T>(next: &AtomicUsize, all: &'a [T]) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    all.get(at).map(|item| (at, item))
}
