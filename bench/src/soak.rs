//! `soak`: a rollout that lasts for more than a day, and what grows meanwhile: memory, files, and each table of the store.
//!
//! The whole product as a window opens it (engine, adapters over real sockets, store on the disk, painter, one watch) against
//! the simulator's world, whose own past is held to half an hour so that it is not measured as the product's. Two runs, each
//! in a process of its own, since what one has freed the next would fill: a rollout through all its phases, and the baseline,
//! the same hours of the same plan as a draft that nobody touches. Deliberately not here: the web view, real networks, and any
//! verdict about a table that grows by right (the journal is never pruned).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};
use timonel_bridge::Speed;
use timonel_bridge::console::{Console, Opening};
use timonel_wire::StageKind;

use crate::slope::Slope;
use crate::{Counted, Found};

/// Virtual time of each run. The four phases bake for 6 h each, so the last is left within it.
const LASTS: Duration = Duration::from_secs(26 * 3600);
const BAKE: &str = "6h";
const SAMPLE: Duration = Duration::from_secs(600);
/// Before it windows and caches are being filled.
const WARM: Duration = Duration::from_secs(3600);
/// Of the past of a world that is no part of the product. The windows of the plan's rules reach back 10 min.
const WORLD_KEEPS: Duration = Duration::from_secs(1800);
/// In real time: a run that hangs is not waited for.
const LIMIT: Duration = Duration::from_secs(1800);
const MIB: f64 = 1_048_576.0;

/// One of the runs; for the bench itself, which starts each in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Signed, started and taken through all its phases.
    UnderWay,
    /// A draft.
    Idle,
}

/// What is seen at one moment, in bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reading {
    /// Virtual hours since the start.
    hours: f64,
    /// What the program's own allocations hold; SQLite's are not among them.
    allocated: Option<f64>,
    /// `VmRSS`.
    resident: Option<f64>,
    /// Length of the files by kind.
    files: BTreeMap<String, f64>,
    /// Pages of each table of the store with its indices.
    tables: BTreeMap<String, f64>,
}

/// A run as its process tells it.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    readings: Vec<Reading>,
    stage: String,
    took: f64,
}

/// Runs one part and prints it, for [`measure`].
pub(crate) fn play(part: Part, counted: &Counted) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    let run = runtime.block_on(run(part, counted))?;
    println!("{}", serde_json::to_string(&run).map_err(said)?);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn run(part: Part, counted: &Counted) -> Result<Run, String> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
    let plan = read("plans/conecta360-canary.toml")?;
    let scenario = read("plans/scenarios/conecta360-canary/calm.toml")?;
    let (short, long) = ("bake = \"30m\"", format!("bake = \"{BAKE}\""));
    let cut = "bake_at_most = \"8m\"";
    if plan.matches(short).count() != 4 || !scenario.contains(cut) {
        return Err("the shipped plan or scenario is another than this bench was written for".to_owned());
    }
    let (plan, scenario) = (
        plan.replace(short, &long),
        scenario.replace(cut, &format!("bake_at_most = \"{BAKE}\"")),
    );
    let folder = tempfile::tempdir().map_err(said)?;
    let mut opening = Opening::of(&plan, &scenario, folder.path().to_owned()).map_err(said)?;
    opening.speed = Speed::Max;
    opening.virtual_operator = part == Part::UnderWay;
    opening.kept = Some(WORLD_KEEPS);
    let begun = Instant::now();
    let console = Console::open(opening).await.map_err(said)?;
    let mut watch = console.watch();
    let (mut readings, mut due) = (Vec::new(), 0.0);
    let first = console.picture().at;
    loop {
        if begun.elapsed() > LIMIT {
            return Err(format!("the run took longer than {} s", LIMIT.as_secs()));
        }
        let batch = watch.next().await.ok_or("the console closed in the middle of it")?;
        let hours = (batch.at - first) as f64 / 3.6e6;
        if hours >= due {
            readings.push(reading(hours, folder.path(), counted).await?);
            due = hours + SAMPLE.as_secs_f64() / 3600.0;
            eprint!("\r{part:?}: {hours:.1} h of {} ", LASTS.as_secs() / 3600);
        }
        if hours * 3600.0 >= LASTS.as_secs_f64() {
            break;
        }
    }
    eprintln!();
    let stage = console.picture().rollout.stage;
    let expected = match part {
        Part::UnderWay => StageKind::Completed,
        Part::Idle => StageKind::Draft,
    };
    if stage != expected {
        return Err(format!(
            "the rollout stood at {stage:?} in the end and not at {expected:?}"
        ));
    }
    console.close().await;
    Ok(Run {
        readings,
        stage: format!("{stage:?}"),
        took: begun.elapsed().as_secs_f64(),
    })
}

async fn reading(hours: f64, folder: &Path, counted: &Counted) -> Result<Reading, String> {
    let allocated = counted().map(|bytes| bytes as f64);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| {
        let kilobytes = line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?;
        Some(kilobytes.trim().parse::<f64>().ok()? * 1024.0)
    });
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(said)? {
            let entry = entry.map_err(said)?;
            // One may go while we look: an intent that is finished.
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                folders.push(entry.path());
            } else {
                *files.entry(kind(&entry.path())).or_insert(0.0) += about.len() as f64;
            }
        }
    }
    let tables = tables(&folder.join("timonel.db")).await?;
    Ok(Reading {
        hours,
        allocated,
        resident,
        files,
        tables,
    })
}

/// What a file is for, by its name.
fn kind(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let within = |folder: &str| file.components().any(|part| part.as_os_str() == folder);
    let kind = match &*name {
        "timonel.db" => "store",
        "timonel.db-wal" => "write-ahead log",
        "timonel.db-shm" => "its index",
        _ if within("intents") => "intents",
        _ if within("kits") => "kits",
        _ => return name.into_owned(),
    };
    kind.to_owned()
}

/// Bytes of each table with its indices.
async fn tables(store: &Path) -> Result<BTreeMap<String, f64>, String> {
    let options = SqliteConnectOptions::new().filename(store).read_only(true);
    let mut connection = options.disable_statement_logging().connect().await.map_err(said)?;
    let rows = sqlx::query(
        "SELECT coalesce(m.tbl_name, s.name), sum(s.pgsize) FROM dbstat AS s LEFT JOIN sqlite_master AS m ON m.name = s.name
         WHERE s.aggregate = TRUE GROUP BY 1",
    );
    let rows = rows.fetch_all(&mut connection).await.map_err(said)?;
    connection.close().await.map_err(said)?;
    let size = |row: &sqlx::sqlite::SqliteRow| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)? as f64));
    rows.iter().map(size).collect::<Result<_, sqlx::Error>>().map_err(said)
}

/// Both runs, and what grew in each.
pub(crate) fn measure() -> Result<Found, String> {
    let program: PathBuf = std::env::current_exe().map_err(said)?;
    let mut figures = serde_json::Map::new();
    let mut worst: f64 = 0.0;
    for (part, name) in [(Part::Idle, "idle"), (Part::UnderWay, "under-way")] {
        let told = Command::new(&program)
            .args(["soak", "--part", name])
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(said)?;
        if !told.status.success() {
            return Err(format!("the run `{name}` ended with {}", told.status));
        }
        let run: Run = serde_json::from_slice(&told.stdout).map_err(said)?;
        let measured = grown(&run)?;
        let held = print(name, &run, &measured);
        if part == Part::UnderWay {
            worst = held;
        }
        figures.insert(name.to_owned(), serde_json::json!(measured));
    }
    Ok(Found {
        name: "soak",
        figures: figures.into(),
        ratio: worst,
        aim: 1.0,
    })
}

/// Bytes by virtual hour.
type Sizes = Vec<(f64, f64)>;

/// One thing that may grow.
#[derive(Debug, Serialize)]
struct Grown {
    what: String,
    /// After the first hour.
    first_mib: f64,
    last_mib: f64,
    mib_per_hour: f64,
    half: f64,
    /// How many half widths of its 95 % interval the slope is from 0.
    from_zero: f64,
    /// Whether it must not grow. Samples, units and the journal hold what happened.
    bounded: bool,
}

fn grown(run: &Run) -> Result<Vec<Grown>, String> {
    let warm: Vec<&Reading> = run
        .readings
        .iter()
        .filter(|r| r.hours >= WARM.as_secs_f64() / 3600.0)
        .collect();
    let last = warm.last().ok_or("no reading after the first hour")?;
    let mut all: Vec<(String, bool, Sizes)> = Vec::new();
    let series = |of: &dyn Fn(&Reading) -> Option<f64>| -> Sizes {
        warm.iter().filter_map(|r| Some((r.hours, of(r)?))).collect()
    };
    all.push(("memory: allocated".into(), true, series(&|r| r.allocated)));
    all.push(("memory: resident".into(), true, series(&|r| r.resident)));
    for name in last.files.keys() {
        // A file that is not there is empty.
        let sizes = series(&|r| Some(r.files.get(name).copied().unwrap_or(0.0)));
        all.push((format!("file: {name}"), name != "store", sizes));
    }
    for name in last.tables.keys() {
        let kept = ["sample", "unit", "journal"].iter().any(|kept| name.contains(kept));
        let sizes = series(&|r| Some(r.tables.get(name).copied().unwrap_or(0.0)));
        all.push((format!("table: {name}"), !kept, sizes));
    }
    let line = |(what, bounded, sizes): (String, bool, Sizes)| {
        let slope = Slope::of(&sizes)?;
        Some(Grown {
            what,
            first_mib: sizes.first()?.1 / MIB,
            last_mib: sizes.last()?.1 / MIB,
            mib_per_hour: slope.per_hour / MIB,
            half: slope.half / MIB,
            from_zero: slope.distance(),
            bounded,
        })
    };
    Ok(all.into_iter().filter_map(line).collect())
}

/// Prints it. How far from 0 the slope is that is farthest, of what must not grow.
fn print(name: &str, run: &Run, grown: &[Grown]) -> f64 {
    let hours = run.readings.last().map_or(0.0, |r| r.hours);
    println!(
        "\n{name}: {hours:.1} virtual hours in {:.0} s, {} readings, {} in the end; slopes after the first hour",
        run.took,
        run.readings.len(),
        run.stage
    );
    println!(
        "{:28}{:>12}{:>12}{:>14}{:>14}  through the means of eight spans, 95 % by Student's t",
        "", "after 1 h", "at the end", "KiB an hour", "±"
    );
    for one in grown {
        let verdict = match (one.from_zero <= 1.0, one.bounded) {
            (true, _) => "not to be told from 0",
            (false, true) => "GROWS",
            (false, false) => "grows with what it keeps",
        };
        println!(
            "{:28}{:>8.2} MiB{:>8.2} MiB{:>14.2}{:>14.2}  {verdict}",
            one.what,
            one.first_mib,
            one.last_mib,
            one.mib_per_hour * 1024.0,
            one.half * 1024.0
        );
    }
    let falling = |one: &&Grown| one.bounded && one.mib_per_hour > 0.0;
    grown
        .iter()
        .filter(falling)
        .map(|one| one.from_zero)
        .fold(0.0, f64::max)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
