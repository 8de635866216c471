//! What the desk of a person offers: its keychain, its popups, and staying awake.
//!
//! On Linux the Secret Service (gnome-keyring, KWallet, KeePassXC), on macOS the login keychain, on Windows the credential
//! manager, through the crate `keyring`. Of its versions, 3.6 asks the system anew with every call, so that a keychain which
//! comes up, is unlocked or answers again later is used without a restart; 4 looks for its store once in a process.
//!
//! Deliberately not here: secrets without a desk (crate `vault`), which place goes before which (`bridge::credentials`), and any
//! keeping of a secret where the keychain fails: there is no silent second place.

mod answer;
mod awake;
mod index;
mod keychain;
mod lock;
mod popup;
mod thread;

pub use awake::{Awake, AwakeError, Sleep};
pub use keychain::{Keychain, LIMIT};
pub use popup::DeskPopups;
