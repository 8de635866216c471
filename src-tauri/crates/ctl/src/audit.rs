//! `audit verify`: whether the journal, and what was done from rollback kits, is what was written. Without an engine; nothing is changed.

use timonel_bridge::audit::{Audited, Chains, of_files, of_installation};
use timonel_bridge::words::Words;
use timonel_ports::clock::SystemClock;

use crate::Failure;
use crate::args::Verify;

/// Prints a line for each, and errors where one is broken or cannot be read.
pub(crate) async fn verify(args: Verify, words: &Words) -> Result<(), Failure> {
    let clock = SystemClock::shared();
    let audited = if args.files.is_empty() {
        of_installation(&args.at.folder.path(), args.at.store.as_ref(), &clock).await
    } else {
        of_files(&args.files, &clock).await
    };
    for found in &audited {
        match &found.fault {
            None => tell!("✓ {}", line(found, words)),
            Some(fault) => tell!("✗ {} {fault}", line(found, words)),
        }
    }
    if audited.iter().any(|found| found.fault.is_some()) {
        tell!("{}", words.say("audit-broken", &[]));
        return Err(Failure::NotAsItShould);
    }
    tell!("{}", words.say("audit-sound", &[]));
    Ok(())
}

fn line(found: &Audited, words: &Words) -> String {
    let place = ("place", found.place.clone());
    match &found.what {
        Chains::Journal { entries, writers } => {
            let values = [
                place,
                ("entries", entries.to_string()),
                ("writers", writers.to_string()),
            ];
            words.say("audit-journal", &values)
        }
        Chains::Kit { entries, merged, torn } => {
            let standing = match merged {
                None => words.say("audit-kit-alone", &[]),
                Some(there) if there == entries => words.say("audit-kit-merged", &[]),
                Some(there) => words.say("audit-kit-waits", &[("entries", (entries - there).to_string())]),
            };
            let mut said = words.say(
                "audit-kit",
                &[place, ("entries", entries.to_string()), ("standing", standing)],
            );
            if *torn > 0 {
                said = format!("{said} {}", words.say("audit-torn", &[("bytes", torn.to_string())]));
            }
            said
        }
        Chains::Unread => words.say("audit-unread", &[place]),
    }
}
