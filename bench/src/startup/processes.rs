//! The processes of a program and of its web view, and the memory that they have, from the kernel's own files.

use std::fs;
use std::path::Path;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: u32,
    /// MiB of its own and its share of what it has in common with others (PSS), swap included.
    pub(super) mib: f64,
}

/// The processes whose HOME is `home`: a program, and whatever it started. The web view's are not its children for long.
pub(super) fn living_in(home: &Path) -> Result<Vec<Process>, String> {
    let wanted = format!("HOME={}", home.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").map_err(|e| format!("/proc: {e}"))?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end between any two looks, and those of others are not ours to read.
        let Ok(environment) = fs::read(entry.path().join("environ")) else {
            continue;
        };
        if !environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
        {
            continue;
        }
        let Ok(smaps) = fs::read_to_string(entry.path().join("smaps_rollup")) else {
            continue;
        };
        found.push(Process { id, mib: mib(&smaps) });
    }
    Ok(found)
}

/// The sum of what a `smaps_rollup` says in KiB of proportional size, in memory and swapped out.
fn mib(smaps: &str) -> f64 {
    let kib = |line: &str| {
        let value = line.strip_prefix("Pss:").or_else(|| line.strip_prefix("SwapPss:"))?;
        value.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()
    };
    smaps.lines().filter_map(kib).sum::<f64>() / 1024.0
}

#[cfg(test)]
mod tests {
    use super::mib;

    #[test]
    fn what_is_shared_counts_by_its_share_and_once() {
        let smaps = "55d0-7ffd ---p 00000000 00:00 0    [rollup]\n\
                     Rss:              409600 kB\nPss:              204800 kB\nPss_Dirty:          5120 kB\n\
                     Pss_Anon:           1024 kB\nSwap:               2048 kB\nSwapPss:            1024 kB\n";
        assert!((mib(smaps) - 201.0).abs() < 1e-9);
    }
}
