//! Kubernetes targets: the weights of an Istio VirtualService, written by JSON patch. And the helm as a Lease.
//!
//! [`Connection`] is the way to one API server; each target is a module of its own on top of it. A new target is
//! one module here, one line in the contract's test, one in the plan's list of kinds.
//!
//! Deliberately not here: retries (the engine decides what is worth repeating, and when),
//! and any knowledge of the simulator, which answers the same calls.

mod answer;
mod connection;
mod lease;
mod stream;
mod virtual_service;

pub use connection::{Access, Connection, DEADLINE, KubernetesError};
pub use lease::{COUNTER, LeaseHelm};
pub use virtual_service::{Destination, RAISED_ANNOTATION, ROLLBACK_ANNOTATION, Spec, VirtualService};
