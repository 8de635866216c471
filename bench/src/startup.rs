//! `startup`: from starting the window's program to its page's first paint and to its first text, and the memory that it has ten
//! seconds later, beside an empty window of the same libraries, built from the same lock file.
//!
//! Both are looked at from outside and in the same way: the pixels come from the framebuffer of a display of their own, the memory
//! from the kernel. Neither program knows that it is measured. Deliberately not here: building them, which `cargo xtask` does.

mod processes;
mod screen;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use timonel_ports::clock::{SharedClock, SystemClock, sleep};

use crate::{Found, median};
use screen::{Bus, Colour, Screen};

/// Rounds that count, after one that fills the caches of both.
const ROUNDS: usize = 7;
/// Ours may take so many times what the empty window takes, of time and of memory.
const AIM: f64 = 1.3;
/// How often the screen is looked at; the figures are that exact.
const LOOK: Duration = Duration::from_millis(4);
/// A program that shows nothing until then never will.
const PATIENCE: Duration = Duration::from_secs(60);
/// The memory is read so long after the first text: the web view has given back by then what it needed only to start.
const SETTLED: Duration = Duration::from_secs(10);

/// `--ground` of the light theme, on which both pages stand: no window has it before its page is painted.
const GROUND: Colour = Colour(0xe9, 0xea, 0xec);
/// `--ink` of the light theme, in which both pages write.
const INK: Colour = Colour(0x1d, 0x21, 0x26);
/// `--simulated` of the light theme: the band that stands above a rollout on the simulator, and nowhere before.
const BAND: Colour = Colour(0xe4, 0xd7, 0xfb);

/// What one start showed.
#[derive(Debug)]
struct Start {
    /// Seconds to the page's first paint.
    paint: f64,
    /// Seconds to the first text.
    text: f64,
    /// Seconds to the rollout on the screen; only ours has one.
    rollout: Option<f64>,
    /// MiB of proportional set size, swap included, over the program and the web view's processes.
    memory: f64,
    /// The part of that which is the program's own process.
    own: f64,
}

/// One of the two programs, with the home that it keeps from start to start.
struct Program {
    path: PathBuf,
    home: TempDir,
    rollout: bool,
    starts: Vec<Start>,
}

impl Program {
    fn new(name: &str, rollout: bool) -> Result<Self, String> {
        let ours = std::env::current_exe().map_err(|e| format!("this program's own place: {e}"))?;
        let path = ours.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if !path.is_file() {
            return Err(format!(
                "{} is not built; `cargo xtask bench startup` builds it",
                path.display()
            ));
        }
        let home = TempDir::with_prefix("timonel-bench-").map_err(|e| format!("a home: {e}"))?;
        Ok(Self {
            path,
            home,
            rollout,
            starts: Vec::new(),
        })
    }

    fn figure(&self, of: impl Fn(&Start) -> f64) -> (f64, Vec<f64>) {
        let all: Vec<f64> = self.starts.iter().map(of).collect();
        (median(all.clone()), all)
    }
}

pub(crate) fn measure() -> Result<Found, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(measured())
}

async fn measured() -> Result<Found, String> {
    let clock = SystemClock::shared();
    let mut ours = Program::new("timonel", true)?;
    let mut empty = Program::new("timonel-empty-window", false)?;
    for round in 0..=ROUNDS {
        for program in [&mut ours, &mut empty] {
            let start = start(&clock, program).await?;
            if round > 0 {
                println!(
                    "round {round}: {}: first paint {:.3} s, first text {:.3} s, {:.0} MiB",
                    name(&program.path),
                    start.paint,
                    start.text,
                    start.memory
                );
                program.starts.push(start);
            }
        }
    }
    let (paint, all_paint) = ours.figure(|start| start.paint);
    let (empty_paint, all_empty_paint) = empty.figure(|start| start.paint);
    let (text, all_text) = ours.figure(|start| start.text);
    let (empty_text, all_empty_text) = empty.figure(|start| start.text);
    let (memory, all_memory) = ours.figure(|start| start.memory);
    let (empty_memory, all_empty_memory) = empty.figure(|start| start.memory);
    let (own, _) = ours.figure(|start| start.own);
    let (empty_own, _) = empty.figure(|start| start.own);
    let (rollout, all_rollout) = ours.figure(|start| start.rollout.unwrap_or(f64::NAN));
    let (time, memory_ratio) = (paint / empty_paint, memory / empty_memory);
    let text_ratio = text / empty_text;
    println!(
        "first paint: {} beside {}: {time:.2}",
        spread(paint, &all_paint, 3),
        spread(empty_paint, &all_empty_paint, 3)
    );
    println!(
        "first text: {} beside {}: {text_ratio:.2}",
        spread(text, &all_text, 3),
        spread(empty_text, &all_empty_text, 3)
    );
    println!("the rollout on the screen: {}", spread(rollout, &all_rollout, 3));
    println!(
        "MiB after {SETTLED:?}: {} beside {}: {memory_ratio:.2}",
        spread(memory, &all_memory, 0),
        spread(empty_memory, &all_empty_memory, 0)
    );
    println!("of these in the program's own process: {own:.0} beside {empty_own:.0}");
    let figures = json!({
        "rounds": ROUNDS,
        "first_text_s": text, "first_text_all_s": all_text,
        "empty_first_text_s": empty_text, "empty_first_text_all_s": all_empty_text,
        "first_text_ratio": text_ratio,
        "first_paint_s": paint, "first_paint_all_s": all_paint,
        "empty_first_paint_s": empty_paint, "empty_first_paint_all_s": all_empty_paint,
        "first_paint_ratio": time,
        "rollout_shown_s": rollout, "rollout_shown_all_s": all_rollout,
        "memory_mib": memory, "memory_all_mib": all_memory, "own_process_mib": own,
        "empty_memory_mib": empty_memory, "empty_memory_all_mib": all_empty_memory, "empty_own_process_mib": empty_own,
        "memory_ratio": memory_ratio,
    });
    Ok(Found {
        name: "startup",
        figures,
        // First paint and memory have the same aim; the worse of the two says whether it is met.
        ratio: time.max(memory_ratio),
        aim: AIM,
    })
}

/// Starts a program once, on a display and a bus of its own, and ends it.
async fn start(clock: &SharedClock, program: &Program) -> Result<Start, String> {
    let home = program.home.path();
    let screen = Screen::open(clock).await?;
    let bus = Bus::open(home)?;
    let begun = clock.mono();
    let since = |clock: &SharedClock| clock.mono().saturating_since(begun).as_secs_f64();
    let mut running = Running::start(&program.path, home, &screen, &bus)?;
    let (mut paint, mut text, mut rollout) = (None, None, None);
    while paint.is_none() || text.is_none() || (program.rollout && rollout.is_none()) {
        let shown = screen.look()?;
        // The time is taken after the look: it was there at the latest then.
        paint = paint.or_else(|| shown.has(GROUND).then(|| since(clock)));
        text = text.or_else(|| shown.has(INK).then(|| since(clock)));
        if program.rollout {
            rollout = rollout.or_else(|| shown.has(BAND).then(|| since(clock)));
        }
        running.alive()?;
        if since(clock) > PATIENCE.as_secs_f64() {
            return Err(format!("{} showed nothing within {PATIENCE:?}", name(&program.path)));
        }
        sleep(&**clock, LOOK).await;
    }
    let (paint, text) = paint.zip(text).ok_or("no text")?;
    let left = SETTLED.saturating_sub(Duration::from_secs_f64((since(clock) - text).max(0.0)));
    sleep(&**clock, left).await;
    running.alive()?;
    let all = processes::living_in(home)?;
    let memory = all.iter().map(|process| process.mib).sum();
    let own = all
        .iter()
        .filter(|process| process.id == running.0.id())
        .map(|process| process.mib)
        .sum();
    drop(running);
    // The web view's processes end a moment after their program, and write into its home until then.
    let begun = clock.mono();
    while !processes::living_in(home)?.is_empty() {
        if clock.mono().saturating_since(begun) > PATIENCE {
            return Err(format!("the processes of {} do not end", name(&program.path)));
        }
        sleep(&**clock, LOOK).await;
    }
    Ok(Start {
        paint,
        text,
        rollout,
        memory,
        own,
    })
}

/// A program under way. Dropping it ends it.
struct Running(Child);

impl Running {
    /// With nothing of the desk that the bench runs at: no bus, no settings, no home of a person.
    fn start(path: &Path, home: &Path, screen: &Screen, bus: &Bus) -> Result<Self, String> {
        let mut command = Command::new(path);
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("DISPLAY", screen.display())
            .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
            .env("GTK_THEME", "Adwaita")
            .env("LANG", "es_ES.UTF-8")
            .env("NO_AT_BRIDGE", "1")
            .env("GIO_USE_VFS", "local")
            .env("GSETTINGS_BACKEND", "memory");
        for name in ["HOME", "XDG_RUNTIME_DIR", "TMPDIR"] {
            command.env(name, home);
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
            .spawn()
            .map(Self)
            .map_err(|e| format!("{}: {e}", path.display()))
    }

    fn alive(&mut self) -> Result<(), String> {
        match self.0.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the program ended ({status}) while it was measured")),
            Err(problem) => Err(problem.to_string()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        screen::end(&mut self.0);
    }
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn spread(median: f64, all: &[f64], digits: usize) -> String {
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}
