//! What reading one input may cost: time by the machine's clock, memory by the highest that the process ever had.

use std::time::{Duration, Instant};

/// Far above what any reader takes on a loaded machine in a debug build, far below what a person would call hanging.
const LONGEST: Duration = Duration::from_secs(5);
/// Inputs have some hundred KiB at most; whoever needs this much for one of them would need all there is for a large one.
const MOST_MIB: u64 = 256;

/// Calls `check` with `input`. Panics where it took longer than five seconds, or made the process need 256 MiB more than before
/// (on Linux, which says so).
#[expect(
    clippy::disallowed_methods,
    reason = "what is bounded here is the time of the machine itself"
)]
pub fn bounded(input: &[u8], check: &impl Fn(&[u8])) {
    let (before, began) = (peak_mib(), Instant::now());
    check(input);
    let (took, grew) = (began.elapsed(), peak_mib().saturating_sub(before));
    assert!(took < LONGEST, "one input of {} bytes took {took:?}", input.len());
    assert!(
        grew < MOST_MIB,
        "one input of {} bytes took {grew} MiB of memory",
        input.len()
    );
}

/// `VmHWM` of this process in MiB; 0 where the system does not say.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "MiB of memory")]
    fn who_takes_too_much_memory_is_found() {
        super::bounded(b"x", &|_: &[u8]| {
            let much = vec![1_u8; 300 << 20];
            assert_eq!(std::hint::black_box(&much)[300 << 19], 1);
        });
    }
}
