//! `timonelctl`: every command a person needs without a window. Links no WebKit.
//!
//! A thin caller of `bridge`, as the window is: it reads arguments, prints answers, and decides nothing.
//! Exit codes: 0 as it should be, 1 not as it should be, 2 bad input.

/// `println!` to a reader that may have gone (`| head`): that is no reason to stop a rollback in the middle of it.
macro_rules! tell {
    ($($arg:tt)*) => {{
        use std::io::Write;
        drop(writeln!(std::io::stdout(), $($arg)*));
    }};
}

/// [`tell`] on the error output.
macro_rules! complain {
    ($($arg:tt)*) => {{
        use std::io::Write;
        drop(writeln!(std::io::stderr(), $($arg)*));
    }};
}

mod args;
mod audit;
mod backtest;
mod chart;
mod credential;
mod doctor;
mod engine;
mod ensayo;
mod files;
mod host;
mod judge;
mod power;
mod shift;
mod told;
mod watch;
mod words;

use std::process::ExitCode;

use clap::Parser;
use timonel_bridge::BridgeError;
use timonel_bridge::words::Words;
use timonel_wire::Order;

use crate::args::{Args, AuditCommand, Because, Command, PlanCommand, Sign};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The input is bad; what is wrong has been printed.
    #[error("bad input")]
    BadInput,
    /// A file cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable { path: String, why: std::io::Error },
    /// A file cannot be written.
    #[error("cannot write {path}: {why}")]
    Unwritable { path: String, why: std::io::Error },
    /// Something did not end as it should; what has been printed.
    #[error("not as it should be")]
    NotAsItShould,
    /// The bridge could not do it.
    #[error("{0}")]
    Bridge(#[from] timonel_bridge::BridgeError),
    /// This process cannot run at all.
    #[error("cannot run: {0}")]
    Process(#[from] std::io::Error),
}

impl Failure {
    fn code(&self) -> ExitCode {
        match self {
            Failure::BadInput | Failure::Unreadable { .. } | Failure::Unwritable { .. } => ExitCode::from(2),
            Failure::Bridge(BridgeError::Unknown { .. } | BridgeError::NoKey { .. }) => ExitCode::from(2),
            Failure::NotAsItShould | Failure::Bridge(_) | Failure::Process(_) => ExitCode::from(1),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let words = words::of_this_desk(args.lang.as_deref());
    log(&args.command);
    match run(args.command, &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match &failure {
                // Both have said what is wrong already.
                Failure::BadInput | Failure::NotAsItShould => {}
                Failure::Bridge(BridgeError::NoKey {
                    account,
                    variable,
                    instead,
                    ..
                }) => {
                    let values = [
                        ("account", account.clone()),
                        ("variable", variable.clone()),
                        ("instead", (*instead).to_owned()),
                    ];
                    complain!("timonelctl: {}", words.say("failure-no-key", &values));
                }
                Failure::Bridge(BridgeError::Unheard { waited }) => {
                    let values = [("seconds", waited.as_secs().to_string())];
                    complain!("timonelctl: {}", words.say("failure-unheard", &values));
                }
                Failure::Bridge(BridgeError::Unsettled { waited }) => {
                    let values = [("seconds", waited.as_secs().to_string())];
                    complain!("timonelctl: {}", words.say("failure-unsettled", &values));
                }
                Failure::Unreadable { .. } | Failure::Unwritable { .. } | Failure::Bridge(_) | Failure::Process(_) => {
                    complain!("timonelctl: {failure}")
                }
            }
            failure.code()
        }
    }
}

/// A person reads lines; whoever keeps an engine up reads one JSON object a line.
fn log(command: &Command) {
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr);
    if let Command::Engine(engine) = command {
        let filter = tracing_subscriber::EnvFilter::new(&engine.log);
        let plain = subscriber.with_env_filter(filter).json().flatten_event(true);
        plain.with_current_span(false).with_span_list(false).init();
        return;
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("TIMONEL_LOG").unwrap_or_else(|_| "error".into());
    subscriber.with_env_filter(filter).init();
}

fn run(command: Command, words: &Words) -> Result<(), Failure> {
    match command {
        Command::Plan(PlanCommand::Check { file, scenario }) => files::check(&file, scenario.as_deref(), words),
        Command::Plan(PlanCommand::Power(args)) => power::power(args, words),
        Command::Plan(PlanCommand::Schema { scenario }) => files::schema(scenario),
        Command::Rehearse(args) => runtime()?.block_on(ensayo::rehearse(args, words)),
        Command::Status { at } => runtime()?.block_on(shift::status(&at, words)),
        Command::Watch(args) => runtime()?.block_on(watch::watch(args, words)),
        Command::Rollback(args) => runtime()?.block_on(shift::roll_back(args, words)),
        Command::Pin(args) => runtime()?.block_on(shift::pin(args, words)),
        Command::Arm(press) => runtime()?.block_on(shift::send(press, Order::Arm, words)),
        Command::Start(press) => runtime()?.block_on(shift::send(press, Order::Start, words)),
        Command::Sign(Sign { press, checklist }) => {
            runtime()?.block_on(shift::send(press, Order::Sign { checklist }, words))
        }
        Command::Approve(press) => runtime()?.block_on(shift::send(press, Order::Approve, words)),
        Command::Freeze(Because { press, reason }) => {
            runtime()?.block_on(shift::send(press, Order::Freeze { reason }, words))
        }
        Command::Release(release) => {
            let hold = release.hold();
            let Because { press, reason } = release.because;
            runtime()?.block_on(shift::send(press, Order::Release { hold, reason }, words))
        }
        Command::Reset(Because { press, reason }) => {
            runtime()?.block_on(shift::send(press, Order::Reset { reason }, words))
        }
        Command::Close(press) => runtime()?.block_on(shift::send(press, Order::Close, words)),
        Command::Drill(args) => runtime()?.block_on(shift::drill(args, words)),
        Command::Chart(args) => runtime()?.block_on(chart::chart(args, words)),
        Command::Credential(command) => runtime()?.block_on(credential::credential(command, words)),
        Command::Open(args) => runtime()?.block_on(shift::open(args, words)),
        Command::UiHost(args) => runtime()?.block_on(host::serve(args, words)),
        Command::Engine(args) => runtime()?.block_on(engine::serve(args, words)),
        Command::Doctor(args) => runtime()?.block_on(doctor::doctor(args, words)),
        Command::Audit(AuditCommand::Verify(args)) => runtime()?.block_on(audit::verify(args, words)),
        Command::Judge(command) => judge::judge(command, words),
        Command::Backtest(args) => runtime()?.block_on(backtest::backtest(args, words)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
