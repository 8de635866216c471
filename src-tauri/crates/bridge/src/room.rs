//! What people are told of the size of the store and of the room that is left for it. What counts as little is the store's to say
//! (`timonel_store::Room::left`).

use std::path::Path;

use timonel_store::{Left, Room};
use timonel_wire::{Arg, Sentence, SeverityName, StoreSize};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The sizes as sentences; the warning names the folder of `file`, which is where space has to be freed.
pub(crate) fn told(room: &Room, file: &str) -> StoreSize {
    let Room {
        whole,
        unused,
        parts,
        disk,
        ..
    } = room;
    let size = match disk {
        Some(disk) => Sentence::new("store-size-left").with("left", bytes(disk.free)),
        None => Sentence::new("store-size"),
    };
    StoreSize {
        size: size.with("size", bytes(*whole)),
        parts: Sentence::new("store-parts")
            .with("journal", bytes(parts.journal))
            .with("readings", bytes(parts.readings))
            .with("outcomes", bytes(parts.outcomes))
            .with("others", bytes(parts.others))
            .with("unused", bytes(*unused)),
        warning: warning(room, file).map(|(_, warning)| warning),
    }
}

/// How loud it is that little is left, and the sentence for it; `None` where enough is.
pub(crate) fn warning(room: &Room, file: &str) -> Option<(SeverityName, Sentence)> {
    let (severity, code) = match room.left() {
        Left::Enough => return None,
        Left::Low => (SeverityName::Medium, "notice-store-low"),
        Left::Critical => (SeverityName::Critical, "notice-store-critical"),
    };
    let folder = Path::new(file).parent().unwrap_or(Path::new(file));
    let left = room.disk.map_or(0, |disk| disk.free);
    let told = Sentence::new(code)
        .with("left", bytes(left))
        .with("size", bytes(room.whole))
        .with("folder", Arg::text(folder.display()));
    Some((severity, told))
}

/// To a tenth of the unit that people would use.
fn bytes(n: u64) -> Arg {
    let (code, unit) = if n < GIB { ("size-mib", MIB) } else { ("size-gib", GIB) };
    let tenths = n / (unit / 10);
    Arg::sentence(Sentence::new(code).with("n", Arg::Tenths(tenths)))
}

#[cfg(test)]
mod tests {
    use timonel_store::{Disk, Parts};

    use super::*;
    use crate::words::{Language, Words};

    fn room(free: u64) -> Room {
        Room {
            whole: 15 * MIB,
            unused: MIB / 2,
            parts: Parts {
                journal: 3 * MIB,
                readings: 6 * MIB,
                outcomes: 5 * MIB,
                others: MIB,
            },
            disk: Some(Disk { free, all: 250 * GIB }),
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_people_use_and_little_room_with_what_to_do() {
        let words = Words::new(Language::Es, "", |at| at.to_string());
        let enough = told(&room(32 * GIB + GIB / 4), "/var/lib/timonel/timonel.db");
        assert_eq!(
            words.tell(&enough.size),
            "almacén: 15,0 MiB; quedan 32,2 GiB en su disco"
        );
        assert_eq!(
            words.tell(&enough.parts),
            "bitácora 3,0 MiB, lecturas 6,0 MiB, resultados 5,0 MiB, lo demás 1,0 MiB; sin usar 0,5 MiB"
        );
        assert_eq!(enough.warning, None);
        for (free, severity) in [(GIB, SeverityName::Medium), (MIB, SeverityName::Critical)] {
            let (loud, sentence) = warning(&room(free), "/var/lib/timonel/timonel.db").expect("little is left");
            assert_eq!(loud, severity);
            assert!(
                words.tell(&sentence).contains("/var/lib/timonel"),
                "{}",
                words.tell(&sentence)
            );
        }
    }
}
