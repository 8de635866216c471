//! What has to be there before anything is built, brought where it is missing and silent where it is not.
//!
//! Rust and Node are not brought: which ones a person wants is theirs to say. Nothing outside the checkout
//! is changed but system packages, and those only by the system's own package manager.

mod page;
mod prism;
mod programs;
pub(crate) mod system;

use crate::checkout::Checkout;
use crate::failure::Failure;

/// What will be done next, each including what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Build and start `timonelctl`.
    Terminal,
    /// Build and open the window.
    Window,
    /// Run every test.
    Tests,
}

pub(crate) fn setup(here: &Checkout, purpose: Purpose) -> Result<(), Failure> {
    system::ensure(here, purpose)?;
    if purpose >= Purpose::Window {
        page::ensure(here)?;
    }
    if purpose >= Purpose::Tests {
        system::ensure_browser(here);
        system::ensure_postgres(here);
        programs::ensure(here)?;
        prism::ensure(here)?;
    }
    Ok(())
}
