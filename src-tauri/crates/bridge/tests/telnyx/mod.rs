//! What the tests share: virtual time, an account's client, and the official contract.

mod calls;
mod contract;
mod front;
mod official;
mod refusals;
mod simulated;
mod world;

use std::future::Future;

use timonel_domain::time::Timestamp;
use timonel_ports::clock::SharedClock;
use timonel_ports::task::counted;
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_telnyx::account::{Access, Account};

/// The account's key.
const KEY: &str = "KEY0timonel";

/// Runs `work` while virtual time runs at `speed`.
fn drive<F: Future>(speed: Speed, work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = VirtualClock::new("2026-11-22T09:00:00Z".parse::<Timestamp>().unwrap());
        let work = counted(clock.shared(), work(clock.clone()));
        tokio::select! {
            out = work => out,
            () = clock.run(speed) => unreachable!("the driver runs until it is dropped"),
        }
    })
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
