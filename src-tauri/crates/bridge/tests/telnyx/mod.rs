//! What the tests share: virtual time, an account's client, and the official contract.

mod calls;
mod contract;
mod front;
mod harm;
mod helm;
mod official;
mod refusals;
mod simulated;
mod world;

use std::future::Future;

use timonel_ports::clock::SharedClock;
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_telnyx::account::{Access, Account};

/// The account's key.
const KEY: &str = "KEY0timonel";

/// Runs `work` while virtual time runs at `speed`, from one morning on.
fn drive<F: Future>(speed: Speed, work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    timonel_simulator::time::drive("2026-11-22T09:00:00Z".parse().unwrap(), speed, work)
}

/// A client of the account at `base`.
fn account(clock: SharedClock, base: &str) -> Account {
    account_of(clock, base, KEY)
}

/// A client of the account at `base` with a key of its own.
fn account_of(clock: SharedClock, base: &str, key: &str) -> Account {
    let access = Access {
        name: "principal".into(),
        base: base.into(),
        key: key.into(),
    };
    Account::new(clock, access).unwrap()
}
