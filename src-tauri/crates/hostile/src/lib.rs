//! Hostile input, for the tests of whoever reads what others wrote: sound inputs damaged in every way that crashes, broken
//! proxies and ill will damage them, and bounds on what reading one may cost.
//!
//! A target is an ordinary test, `fuzz!(SEEDS, |bytes| …)`: it hears every seed as it is and then some hundreds of damaged ones.
//! `BOLERO_RANDOM_ITERATIONS` says how many others, `BOLERO_RANDOM_SEED` (printed with a failure) repeats one, and the same test
//! is a target of `cargo bolero` for the engines that look at coverage. Deliberately nothing of ours in here: what an input means
//! is said by the crate that reads it.

mod bounds;
mod damage;

pub use bolero;
pub use bounds::bounded;
pub use damage::{Damaged, Input};

/// How many damaged inputs a target hears unless its caller says otherwise: some seconds of all targets together.
pub const INPUTS: usize = 600;

/// Feeds the check with every seed and then with [`INPUTS`] damaged copies of them, or as many as a third argument says. The
/// check panics where something is wrong; so does this where one input takes too long or too much memory ([`bounded`]).
#[macro_export]
macro_rules! fuzz {
    ($seeds:expr, $check:expr) => {
        $crate::fuzz!($seeds, $check, $crate::INPUTS)
    };
    ($seeds:expr, $check:expr, $inputs:expr) => {{
        let seeds: Vec<Vec<u8>> = $seeds.iter().map(|seed| AsRef::<[u8]>::as_ref(seed).to_vec()).collect();
        let check = ::std::panic::AssertUnwindSafe($check);
        for seed in &seeds {
            $crate::bounded(seed, &*check);
        }
        $crate::bolero::check!()
            .with_generator($crate::Damaged::of(seeds))
            .with_iterations($inputs)
            .for_each(|$crate::Input(bytes): &$crate::Input| {
                let check = &check;
                $crate::bounded(bytes, &**check)
            });
    }};
}
