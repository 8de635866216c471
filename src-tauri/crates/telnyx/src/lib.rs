//! Telnyx: a share of the numbers as a target, and what it records about calls as signals.
//!
//! One [`account::Account`] a connection, over `timonel-http`. What only a live account could settle is listed in
//! docs/telnyx.md; every such assumption stands in one place in here, with its reason.

pub mod account;
pub mod api;
pub mod number_share;
pub mod records;
