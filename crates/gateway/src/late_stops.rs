//! Stops that should be done and are not, and what a configuration can want about them. What is made of them is in
//! `stops.rs` and `cover.rs`.

use std::collections::BTreeMap;

use model::{ClientOrderId, Timestamp};
use serde::Deserialize;

/// What is done about a protective stop that should be done and is not.
///
/// The default sends nothing: to sell is to trade, and what a gateway sells by itself a person has to have named
/// before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LateStops {
    /// It is said.
    #[default]
    Say,
    /// It is said and taken back, and what it should have sold is sold in slices within the price collar.
    Close,
}

/// Stops that the price is beyond.
#[derive(Debug, Default)]
pub(crate) struct Stops {
    pub(crate) late: BTreeMap<ClientOrderId, Late>,
    /// Not looked at again before this.
    pub(crate) next: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Late {
    pub(crate) since: Timestamp,
    pub(crate) said: bool,
}
