//! A whole fake world behind real sockets: calls, cluster, metrics, faults, virtual time.

pub mod cluster;
pub mod time;
