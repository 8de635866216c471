//! Whether the journal in a store is what was written: every entry of every writer, read once.

use timonel_journal::chain::Verifier;
use timonel_journal::record::STEP;
use timonel_ports::store::{JournalStore, Part, Position, StoreError};

const PAGE: u32 = 1000;

/// What the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Entries read.
    pub entries: u64,
    /// Those of them that are steps of rollouts.
    pub steps: u64,
    /// The first place where a chain is broken, in words.
    pub fault: Option<String>,
}

impl Audit {
    /// `Ok` where the chains are unbroken.
    pub fn in_words(&self) -> Result<String, String> {
        match &self.fault {
            None => Ok(format!("{} entries, chains unbroken", self.entries)),
            Some(fault) => Err(fault.clone()),
        }
    }
}

/// Reads and verifies everything.
pub async fn audit(store: &(impl JournalStore + ?Sized)) -> Result<Audit, StoreError> {
    let mut out = Audit {
        entries: 0,
        steps: 0,
        fault: None,
    };
    let mut verifier = Verifier::default();
    let mut after = Position::START;
    loop {
        let page = store.entries(Part::All, after, PAGE).await?;
        for placed in &page {
            after = placed.position;
            out.entries += 1;
            out.steps += u64::from(placed.sealed.entry().is_ok_and(|e| e.kind.as_str() == STEP));
            if let (Err(fault), None) = (verifier.push(&placed.sealed), &out.fault) {
                out.fault = Some(fault.to_string());
            }
        }
        if page.is_empty() {
            return Ok(out);
        }
    }
}
