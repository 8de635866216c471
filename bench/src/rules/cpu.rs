//! The CPU time of the thread that asks.

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "not every system says")]
pub(super) fn thread_seconds() -> Result<f64, String> {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Ok(t.tv_sec as f64 + t.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
pub(super) fn thread_seconds() -> Result<f64, String> {
    Err("this system is not asked for the CPU time of a thread".to_owned())
}
