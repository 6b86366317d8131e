//! What a configuration can want about orders on the account that this gateway did not place. What is
//! done is in `foreign.rs`.

use serde::Deserialize;

/// What is done about orders of others.
///
/// The default counts and reports them and does nothing. A halt is safer against a stolen key, and it also
/// takes back every entry order of ours, until a person has looked, whenever somebody trades by hand;
/// taking the order back fights a person who may be the only one that knows what is wrong. Both are for
/// accounts that are the gateway's alone, and whoever has one can say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForeignOrders {
    /// Count it and report it.
    #[default]
    Adopt,
    /// Take it back as well.
    Cancel,
    /// Count it, report it and halt.
    Halt,
}
