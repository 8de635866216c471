//! Something that runs in virtual time from its beginning to its end, on a runtime of its own: a test, a measurement.
//!
//! A rehearsal runs on the runtime of its program and can end otherwise; `bridge` drives it itself.

use timonel_domain::time::Timestamp;
use timonel_ports::task::counted;

use super::{Speed, VirtualClock};

/// Runs `work` to its end while virtual time runs at `speed` from `epoch` on.
///
/// # Panics
///
/// Where called inside a runtime, or where the machine gives no threads.
pub fn drive<F: Future>(epoch: Timestamp, speed: Speed, work: impl FnOnce(VirtualClock) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the machine gives two threads");
    runtime.block_on(async {
        let clock = VirtualClock::new(epoch);
        let work = counted(clock.shared(), work(clock.clone()));
        tokio::select! {
            out = work => out,
            () = clock.run(speed) => unreachable!("time runs for as long as it is polled"),
        }
    })
}
