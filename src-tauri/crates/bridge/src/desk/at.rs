//! The one place where an address becomes a store.

use std::path::Path;

use secrecy::SecretString;
use timonel_journal::record::MendedRecord;
use timonel_ports::clock::SharedClock;
use timonel_store::Sqlite;

use crate::BridgeError;

/// The store's file in an installation's folder.
const FILE: &str = "timonel.db";

/// The store at `address`; the installation's own file where none is given, mended where it is damaged, with what was mended.
pub(super) async fn store(
    folder: &Path,
    address: Option<&SecretString>,
    clock: &SharedClock,
) -> Result<(Sqlite, Option<MendedRecord>), BridgeError> {
    Ok(match address {
        // Of an address nobody knows that what is there is Timonel's.
        Some(address) => (timonel_store::open(address, clock.clone()).await?, None),
        None => Sqlite::open_or_mend(&folder.join(FILE), clock.clone()).await?,
    })
}
