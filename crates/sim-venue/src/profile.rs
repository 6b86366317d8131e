//! How this exchange behaves, for a gateway that trades on it without a wire between them: in a backtest, and on paper.

use std::time::Duration;

use model::venue::{CancelAllScope, IdClass, Profile};

/// It tells everything at once, and takes an order for two seconds after it was signed.
pub const PROFILE: Profile = Profile {
    id_class: IdClass::UniqueWhileOpen,
    client_id_max: 36,
    order_validity: Some(Duration::from_secs(2)),
    finds_by_client_id: true,
    cancels_by_client_id: true,
    pushes_executions: true,
    pushes_balances: true,
    trade_ids_count: true,
    fills_page: 1_000,
    order_ids_count: true,
    orders_page: 1_000,
    tells_key_scopes: false,
    tells_key_addresses: false,
    dead_man: None,
    cancel_all: CancelAllScope::Instrument,
};
