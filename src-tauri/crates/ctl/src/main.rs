//! `timonelctl`.
fn main() {}
