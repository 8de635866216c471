//! What every server of this world takes from a request, whichever API it speaks.

use http::{HeaderMap, Method};
use timonel_ports::clock::REQUEST_ID_HEADER;

use crate::cluster::hash;

/// The number by which the clock knows the request; nothing where it comes from elsewhere than our own client.
pub(crate) fn id(headers: &HeaderMap) -> Option<u64> {
    headers.get(REQUEST_ID_HEADER)?.to_str().ok()?.parse().ok()
}

/// Decides how long an answer takes: the same request at the same instant (`now`, in microseconds of virtual time) always
/// draws the same.
pub(crate) fn draw(seed: u64, now: u64, method: &Method, path: &str, query: &[(String, String)], body: &[u8]) -> u64 {
    let query: Vec<u8> = query
        .iter()
        .flat_map(|(k, v)| [k.as_bytes(), b"=", v.as_bytes(), b"&"].concat())
        .collect();
    hash(&[
        &seed.to_be_bytes(),
        &now.to_be_bytes(),
        method.as_str().as_bytes(),
        path.as_bytes(),
        &query,
        body,
    ])
}
