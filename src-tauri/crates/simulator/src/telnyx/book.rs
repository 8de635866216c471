//! What the control plane needs of the world for its records of calls: a seam, so that numbers, applications and jobs can be
//! tested without any call.

use std::fmt;

use serde_json::Value;
use timonel_domain::time::Timestamp;

/// The world's calls as Telnyx records them.
pub trait Book: Send + Sync + fmt::Debug {
    /// The body of a GET of `path` (such as `/v2/detail_records`) with its query pairs at `now`; `None` where the path is no
    /// list of records. Errors are the body of a 4xx with its status.
    fn answer(&self, path: &str, query: &[(String, String)], now: Timestamp) -> Option<Result<Value, (u16, Value)>>;
}

/// No calls: every list is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCalls;

impl Book for NoCalls {
    fn answer(&self, _: &str, _: &[(String, String)], _: Timestamp) -> Option<Result<Value, (u16, Value)>> {
        None
    }
}
