//! Telnyx against the simulated account, and both against the official contract: the target `telnyx.number-share` under the
//! contract of every target, directly and through Prism; every call that we can make against the contract's own answers
//! and against the simulator's; every documented refusal of each. Here, since an adapter's own tests know no simulator.
//!
//! The official contract is a file beside a checkout and no part of it: without it, or without Prism, what needs them
//! says that it is skipped.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod telnyx;
