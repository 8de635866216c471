//! Counts the text of everything by which a journal comes to a state, so that a checkpoint of another text is not gone on with:
//! whoever changes a rule cannot forget to say so.

use std::path::{Path, PathBuf};

#[path = "src/recovery/rules.rs"]
mod rules;

/// The rules and what they stand on, what entries say, what is read of them here, and every dependency of all that.
const SOURCES: [&str; 6] = [
    "../judge/src",
    "../domain/src",
    "../journal/src",
    "src/merges.rs",
    "src/recovery",
    "../../../Cargo.lock",
];

fn main() {
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"));
    let roots: Vec<PathBuf> = SOURCES.iter().map(|source| own.join(Path::new(source))).collect();
    println!("cargo::rerun-if-changed=build.rs");
    for root in &roots {
        println!("cargo::rerun-if-changed={}", root.display());
    }
    let rules = rules::fingerprint(&roots).expect("the sources beside this crate can be read");
    println!("cargo::rustc-env=TIMONEL_RULES={rules:016x}");
}
