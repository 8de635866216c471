//! Says that a new migration is a reason to build again: they are embedded, and cargo does not look there by itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../../migrations");
}
