//! The data plane: where the calls of each number go now, which follows the API only after a while.
//!
//! Which arm that is, is decided by the URL that answers the call, not by the connection: see [`share`].

use std::collections::HashMap;
use std::sync::Arc;

use timonel_domain::value::Weight;

/// Where the calls of a number go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// Such as `+34910000101`.
    pub e164: Arc<str>,
    /// The connection that its calls bear.
    pub connection_id: Arc<str>,
    /// The URL that answers them; `None` where the connection is no TeXML application, or is gone: the calls fail.
    pub voice_url: Option<Arc<str>>,
}

#[derive(Debug, Default)]
pub(super) struct Plane {
    /// By the number's index.
    pub(super) connections: Vec<Arc<str>>,
    /// By the application's id.
    pub(super) urls: HashMap<Arc<str>, Arc<str>>,
}

impl Plane {
    pub(super) fn routed(&self, index: usize, e164: &Arc<str>) -> Option<Routed> {
        let connection = self.connections.get(index)?;
        Some(Routed {
            e164: e164.clone(),
            connection_id: connection.clone(),
            voice_url: self.urls.get(connection).cloned(),
        })
    }
}

/// The share of volume that is on the canary: in hundredths of a percent, rounded down, but never 0 while a member is there.
/// `volumes` are those in scope, each with whether it is on the canary.
pub(super) fn share(volumes: impl Iterator<Item = (u64, bool)>) -> Weight {
    let (mut canary, mut all) = (0_u128, 0_u128);
    for (volume, on_canary) in volumes {
        all += u128::from(volume);
        canary += if on_canary { u128::from(volume) } else { 0 };
    }
    let hundredths = (canary * u128::from(Weight::FULL.hundredths()))
        .checked_div(all)
        .unwrap_or(0);
    let hundredths = hundredths.max(u128::from(canary > 0));
    u16::try_from(hundredths)
        .ok()
        .and_then(Weight::from_hundredths)
        .unwrap_or(Weight::FULL)
}
