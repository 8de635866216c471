//! Plan and scenario files: what people write, what is wrong in it and where, and what the rules and adapters get.
//!
//! [`check`] and [`scenario::check`] never fail: they give the parsed file, or the findings that say what to write
//! instead, or both. Deliberately no I/O: text comes in, values and findings go out.

pub mod finding;
pub mod model;
pub mod parsed;
mod place;
mod read;
pub mod scenario;
mod text;

pub use finding::{Checked, Finding, Severity, draw};
pub use read::Part;
pub use parsed::Parsed;
pub use text::{DurationText, LimitText, MomentText};
