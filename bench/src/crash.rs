//! `crash`: from starting `timonelctl engine` on what a `kill -9` left to its engine's first answer with the helm in hand, with a
//! million entries in the journal of its rollout; and what kills at every point of the sagas come to.
//!
//! The baseline is the same start without a checkpoint, which reads the whole journal, on the same store in the same run; what a
//! look through the whole file takes stands beside it, since every start waited for that once. The points are those of the
//! tests that try a few of them (`engine::tests::crash` and the bridge's `product::killed`), all of them here. Deliberately not
//! here: a helm that somebody else held, whose lease has to run out first (`failover`), and PostgreSQL.

mod history;
mod points;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use timonel_bridge::audit::audit;
use timonel_domain::value::RolloutId;
use timonel_ports::clock::{SystemClock, sleep};
use timonel_store::Sqlite;
use timonel_testkit::process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Found, median};
use history::ENTRIES;

/// Kills that count.
const ROUNDS: usize = 9;
/// No start takes longer than this.
const AIM_S: f64 = 2.0;
/// How often the program is looked at; the figures are that exact.
const LOOK: Duration = Duration::from_millis(5);
/// A start that has not got anywhere by then never will.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn measure(points: u32) -> Result<Found, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    let recovered = runtime.block_on(recovery())?;
    let tried = points::try_all(points)?;
    let Recovered {
        whole,
        looked_through,
        starts,
    } = recovered;
    let (middle, worst) = (median(starts.clone()), starts.iter().copied().fold(0.0, f64::max));
    println!("{ENTRIES} entries: a look through the whole file takes {looked_through:.2} s");
    println!("without a checkpoint, all of the journal is read: {whole:.2} s to the first decision");
    println!(
        "from a checkpoint: median {middle:.2} s, worst {worst:.2} s of {ROUNDS} (aim {AIM_S} s); {:.0} times faster",
        whole / middle
    );
    println!("{tried}");
    if tried.lost > 0 || tried.raised_after > 0 {
        return Err("events were lost, or something was raised after a rollback".to_owned());
    }
    Ok(Found {
        name: "crash",
        figures: json!({
            "entries": ENTRIES, "quick_check_s": looked_through, "without_checkpoint_s": whole, "starts_s": starts,
            "median_s": middle, "worst_s": worst, "times_faster": whole / middle,
            "points": tried.points, "effects_repeated": tried.repeated, "events_lost": tried.lost,
            "raises_after_rollback": tried.raised_after,
        }),
        ratio: worst / AIM_S,
        aim: 1.0,
    })
}

/// Seconds.
struct Recovered {
    whole: f64,
    looked_through: f64,
    starts: Vec<f64>,
}

async fn recovery() -> Result<Recovered, String> {
    let folder = tempfile::tempdir().map_err(said)?;
    let home = folder.path();
    let (rollout, _world) = history::write(home).await?;
    let looked_through = look_through(&home.join("timonel.db")).await?;
    let program = program()?;
    let (process, whole) = start(&program, home, &rollout).await?;
    kill(process).await?;
    let mut starts = Vec::new();
    for round in 1..=ROUNDS {
        let (process, seconds) = start(&program, home, &rollout).await?;
        println!("start {round}: {seconds:.2} s");
        starts.push(seconds);
        kill(process).await?;
    }
    let store = Sqlite::open(&home.join("timonel.db"), SystemClock::shared())
        .await
        .map_err(said)?;
    let audited = audit(&store).await.map_err(said)?;
    println!("afterwards: {}", audited.in_words()?);
    store.close().await;
    Ok(Recovered {
        whole,
        looked_through,
        starts,
    })
}

fn program() -> Result<PathBuf, String> {
    let ours = std::env::current_exe().map_err(said)?;
    let path = ours.with_file_name(format!("timonelctl{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "{} is not built; `cargo xtask bench crash` builds it",
        path.display()
    ))
}

/// What every start would wait for if all of the file were looked through first.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn look_through(file: &Path) -> Result<f64, String> {
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .connect()
        .await
        .map_err(said)?;
    let begun = Instant::now();
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&mut connection)
        .await
        .map_err(said)?;
    let took = begun.elapsed().as_secs_f64();
    connection.close().await.map_err(said)?;
    if found == "ok" { Ok(took) } else { Err(found) }
}

/// Starts the program and waits until its engine answers and holds the helm; how many seconds that took.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn start(program: &Path, home: &Path, rollout: &RolloutId) -> Result<(Process, f64), String> {
    let begun = Instant::now();
    let process = Process::start(&program.display().to_string(), |_| {
        let mut args: Vec<OsString> = ["engine", "--lang", "en", "--listen", "127.0.0.1:0", "--home"]
            .map(Into::into)
            .into();
        args.extend([home.into(), "--kubeconfig".into(), home.join("kubeconfig").into()]);
        Ok(args)
    })
    .map_err(said)?;
    let held = format!("timonel_helm_held{{rollout=\"{rollout}\"}} 1");
    let clock = SystemClock::shared();
    let mut address = None;
    while begun.elapsed() < PATIENCE {
        address = address.or_else(|| listens(&process.said()));
        if let Some(at) = &address
            && metrics(at)
                .await
                .is_ok_and(|text| text.lines().any(|line| line == held))
        {
            return Ok((process, begun.elapsed().as_secs_f64()));
        }
        sleep(&*clock, LOOK).await;
    }
    Err(format!("the engine never had the helm. It said:\n{}", process.said()))
}

/// The address and port that a program says it listens at.
fn listens(said: &str) -> Option<String> {
    let rest = said.split("http://").nth(1)?;
    let end = rest.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit())?;
    Some(rest[..end].trim_end_matches([':', '.']).to_owned())
}

async fn metrics(at: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    stream
        .write_all(format!("GET /metrics HTTP/1.1\r\nhost: {at}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn kill(mut process: Process) -> Result<(), String> {
    process.signal("KILL");
    let ended = process.ended(PATIENCE).await;
    ended.map(drop).ok_or_else(|| "the program outlived a kill".to_owned())
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
