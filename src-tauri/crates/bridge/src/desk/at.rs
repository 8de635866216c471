//! The one place where an address becomes a store.

use std::path::Path;

use secrecy::SecretString;
use timonel_ports::clock::SharedClock;
use timonel_store::Sqlite;

use crate::BridgeError;

/// The store's file in an installation's folder.
const FILE: &str = "timonel.db";

/// The store at `address`; the installation's own file where none is given.
pub(super) async fn store(
    folder: &Path,
    address: Option<&SecretString>,
    clock: &SharedClock,
) -> Result<Sqlite, BridgeError> {
    Ok(match address {
        Some(address) => timonel_store::open(address, clock.clone()).await?,
        None => Sqlite::open(&folder.join(FILE), clock.clone()).await?,
    })
}
