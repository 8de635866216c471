//! The one place where an address becomes a store.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use timonel_journal::record::MendedRecord;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::store::StoreError;
use timonel_store::Sqlite;

use crate::BridgeError;

/// The store's file in an installation's folder.
pub(crate) const STORE_FILE: &str = "timonel.db";

/// The store at `address`; the installation's own file where none is given, mended where it is damaged, with what was mended.
pub(super) async fn store(
    folder: &Path,
    address: Option<&SecretString>,
    clock: &SharedClock,
) -> Result<(Sqlite, Option<MendedRecord>), BridgeError> {
    Ok(match address {
        // Of an address nobody knows that what is there is Timonel's.
        Some(address) => (timonel_store::open(address, clock.clone()).await?, None),
        None => Sqlite::open_or_mend(&folder.join(STORE_FILE), clock.clone()).await?,
    })
}

/// As [`store`], for an emergency: what does not open within `limit` is read as it is, or errors within another.
pub(super) async fn in_time(
    folder: &Path,
    address: Option<&SecretString>,
    clock: &SharedClock,
    limit: Duration,
) -> Result<(Sqlite, Option<MendedRecord>), BridgeError> {
    let Some(address) = address else {
        return Ok(Sqlite::open_in_time(&folder.join(STORE_FILE), clock.clone(), limit).await?);
    };
    let late = || StoreError::Unavailable {
        place: "the store of --store".to_owned(),
        source: format!("it does not open within {limit:?}").into(),
    };
    let opened = within(&**clock, limit, timonel_store::open(address, clock.clone())).await;
    let store = opened.unwrap_or_else(|_| Err(late()))?;
    Ok((store, None))
}
