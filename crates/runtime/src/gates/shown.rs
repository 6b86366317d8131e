//! A gate as people and programs are shown it.

use model::GateName;
use serde::Serialize;

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// What it asks for is there.
    Met,
    /// It is not, and a person has opened it all the same.
    Overridden,
    /// It is not: a live run does not start.
    Unmet,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// Which.
    pub gate: GateName,
    /// How it stands.
    pub standing: Standing,
    /// What it asks for.
    pub asks: &'static str,
    /// What was found, in figures.
    pub found: String,
    /// What to do; empty where it is met.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub how: String,
    /// Why a person has opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The figures, for programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Expectancy>,
}

/// What an agent earned with one round trip on paper, in one asset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectancy {
    /// Which agent.
    pub agent: String,
    /// Which code and parameters.
    pub version: String,
    /// Hours for which these were up.
    pub hours: f64,
    /// In which asset.
    pub quote: String,
    /// Round trips.
    pub trips: usize,
    /// Mean of one.
    pub mean: f64,
    /// What the mean is at least.
    pub lower: f64,
    /// With this confidence, percent.
    pub confidence_percent: u32,
}
