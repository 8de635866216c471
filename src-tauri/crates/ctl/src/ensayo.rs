//! `rehearse`: a plan against the simulator's world, with a live line for people or one JSON object a line for programs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use timonel_bridge::words::Words;
use timonel_bridge::{Bulletin, Snapshot};
use timonel_bridge::{Rehearsal, Summary, Told};
use timonel_domain::plan::{Plan, SignalPlan};
use timonel_domain::rollout::{Members, Stage};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PhaseId, Side, Weight};
use timonel_journal::record::StepRecord;
use timonel_plan::scenario::Outcome;

use crate::args::Rehearse;
use crate::doctor::by_nature;
use crate::{Failure, files, told};

pub(crate) async fn rehearse(args: Rehearse, words: &Words) -> Result<(), Failure> {
    let plan = files::plan(&args.plan)?;
    let mut scenario = files::scenario(&args.scenario, &plan.value)?.value;
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    let (folder, _temporary) = folder(args.keep.as_ref())?;
    let expect = scenario.expect.clone();
    let domain_plan = plan.value.plan.clone();
    let rehearsal = Rehearsal {
        plan: plan.value,
        plan_text: plan.text,
        scenario: scenario.clone(),
        speed: args.speed,
        folder: folder.clone(),
        sources: BTreeMap::new(),
    };
    let mut screen = Screen::new(args.json, &domain_plan, words, scenario.start);
    screen.title(&scenario.title);
    let ended = rehearsal.run(|news| screen.show(&news)).await?;
    screen.end();
    if args.keep.is_some() {
        std::fs::write(folder.join("samples.om"), &ended.samples)?;
    }
    let differences = ended.summary.differences(&expect);
    if args.json {
        tell!(
            "{}",
            serde_json::to_string(&ended.summary).map_err(std::io::Error::from)?
        );
    } else {
        print_summary(&ended.summary, ended.lasted, words);
    }
    for difference in &differences {
        complain!("timonelctl: {difference}");
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Failure::NotAsItShould)
    }
}

fn folder(keep: Option<&PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            if std::fs::read_dir(folder)?.next().is_some() {
                let why = std::io::Error::other("it is not empty; name a new one");
                return Err(Failure::Unreadable {
                    path: folder.display().to_string(),
                    why,
                });
            }
            Ok((folder.clone(), None))
        }
        None => {
            let temporary = tempfile::tempdir()?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}

/// One step as a line of JSON.
#[derive(Serialize)]
struct StepLine<'a> {
    kind: &'static str,
    at: Timestamp,
    seq: u64,
    stage: String,
    phase: Option<&'a PhaseId>,
    #[serde(flatten)]
    step: StepRecord,
}

#[derive(Serialize)]
struct OpenedLine<'a> {
    kind: &'static str,
    metrics: &'a str,
    prometheus: &'a str,
}

/// Where the news goes.
struct Screen<'a> {
    json: bool,
    plan: &'a Plan,
    words: &'a Words,
    start: Timestamp,
    bar: ProgressBar,
    last: String,
    /// Whether it was armed, so that what was found then has been told.
    armed: bool,
}

impl<'a> Screen<'a> {
    fn new(json: bool, plan: &'a Plan, words: &'a Words, start: Timestamp) -> Self {
        let bar = if json {
            ProgressBar::hidden()
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        };
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self {
            json,
            plan,
            words,
            start,
            bar,
            last: String::new(),
            armed: false,
        }
    }

    fn title(&self, title: &str) {
        if !self.json {
            tell!("{}", self.words.say("rehearsal-title", &[("title", title.to_owned())]));
        }
    }

    fn show(&mut self, news: &Told) {
        match news {
            Told::Opened { metrics, prometheus } if self.json => {
                print_json(&OpenedLine {
                    kind: "opened",
                    metrics,
                    prometheus,
                });
            }
            Told::Opened { .. } => {}
            Told::Step(bulletin) if self.json => self.step_line(bulletin),
            Told::Step(bulletin) => {
                for line in told::sentences(bulletin, self.plan, self.words) {
                    self.bar.suspend(|| tell!("{line}"));
                }
                // The lines name the plan's own applications and objects: in a shell they would reach the real ones.
                if !bulletin.manual.is_empty() {
                    let line = self.words.say("rehearsal-manual", &[]);
                    self.bar.suspend(|| tell!("          {line}"));
                }
            }
            Told::Picture(picture) if !self.json => self.picture(picture),
            Told::Picture(_) => {}
        }
    }

    fn step_line(&self, bulletin: &Bulletin) {
        let stage = &bulletin.state.stage;
        print_json(&StepLine {
            kind: "step",
            at: bulletin.at,
            seq: bulletin.seq,
            stage: stage_word(stage).to_owned(),
            phase: stage.phase().and_then(|i| self.plan.phases.get(i)).map(|p| &p.id),
            step: StepRecord::new(&bulletin.event, &bulletin.effects),
        });
    }

    fn picture(&mut self, picture: &Snapshot) {
        if !self.armed && picture.state.stage != Stage::Draft {
            self.armed = true;
            for line in signals(picture, self.words) {
                self.bar.suspend(|| tell!("{line}"));
            }
        }
        let splitter = picture.plan.splitter().and_then(|s| picture.state.targets.get(&s.id));
        let line = self.words.say(
            "progress",
            &[
                ("elapsed", minutes(picture.at.since(self.start))),
                ("stage", told::stage(&picture.state, self.plan, self.words)),
                (
                    "accepted",
                    held(
                        splitter.and_then(|t| t.accepted),
                        splitter.and_then(|t| t.members),
                        self.words,
                    ),
                ),
                (
                    "observed",
                    self.words
                        .weight_if_known(picture.observed.and_then(|seen| seen.weight())),
                ),
            ],
        );
        self.bar.set_message(line.clone());
        self.bar.tick();
        // Where nobody sees a line that is drawn again and again, each change is a line of its own.
        if self.bar.is_hidden() {
            let stage = told::stage(&picture.state, self.plan, self.words);
            if stage != self.last {
                tell!("{line}");
                self.last = stage;
            }
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn print_json(line: &impl Serialize) {
    let text = serde_json::to_string(line).expect("a line of news serialises");
    tell!("{text}");
}

fn stage_word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Draft => "draft",
        Stage::Armed => "armed",
        Stage::Shifting { .. } => "shifting",
        Stage::Baking { .. } => "baking",
        Stage::Deciding { .. } => "deciding",
        Stage::AwaitingApproval { .. } => "awaiting-approval",
        Stage::RollingBack { .. } => "rolling-back",
        Stage::RolledBack => "rolled-back",
        Stage::Completed { .. } => "completed",
        Stage::Closed => "closed",
    }
}

/// A weight, with the members that make it: `4.7 % (12/340)`.
fn held(weight: Option<Weight>, members: Option<Members>, words: &Words) -> String {
    let weight_if_known = words.weight_if_known(weight);
    match (weight, members) {
        (None, _) | (Some(_), None) => weight_if_known,
        (Some(_), Some(Members { canary, all })) => format!("{weight_if_known} ({canary}/{all})"),
    }
}

/// How old what each signal tells is, by nature and now: a line each.
fn signals(picture: &Snapshot, words: &Words) -> Vec<String> {
    let now = |signal: &SignalPlan, side: Side| {
        let newest = picture.newest.get(&(signal.id.clone(), side));
        let age = newest.map_or_else(|| "—".to_owned(), |as_of| words.span(picture.at.since(*as_of)));
        format!("{} {age}", words.tell(&timonel_wire::told::side(side)))
    };
    let line = |signal: &SignalPlan| {
        let ages: Vec<_> = signal.sides.iter().map(|side| now(signal, *side)).collect();
        let values = [
            ("signal", signal.id.to_string()),
            ("ages", ages.join(" · ")),
            ("nature", by_nature(signal.lag, signal.interval, words)),
        ];
        format!("  {}", words.say("rehearsal-signal", &values))
    };
    let lines = picture.plan.signals.iter().map(line);
    std::iter::once(words.say("rehearsal-signals", &[]))
        .chain(lines)
        .collect()
}

fn minutes(span: Duration) -> String {
    let secs = span.as_secs();
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

fn print_summary(summary: &Summary, lasted: Duration, words: &Words) {
    let outcome = match summary.outcome {
        Outcome::RolledBack => "outcome-rolled-back",
        Outcome::Completed => "outcome-completed",
        Outcome::Frozen => "outcome-frozen",
    };
    tell!();
    tell!("{}", words.say(outcome, &[("elapsed", minutes(lasted))]));
    for target in &summary.targets {
        let verified = words.say(if target.verified { "verified" } else { "not-verified" }, &[]);
        let values = [
            ("target", target.id.to_string()),
            ("requested", words.weight_if_known(target.requested)),
            ("accepted", held(target.accepted, target.members, words)),
            ("observed", words.weight_if_known(target.observed)),
            ("verified", verified),
        ];
        tell!("  {}", words.say("summary-target", &values));
    }
    let times = [
        ("time-breach", summary.breach_at),
        ("time-decided", summary.decided_at),
        ("time-accepted", summary.accepted_at),
        ("time-verified", summary.verified_at),
        ("time-drained", summary.drained_at),
    ];
    for (key, at) in times {
        if let Some(at) = at {
            let since = summary
                .decided_at
                .map(|d| words.number(&format!("{:+.3} s", (at.micros() - d.micros()) as f64 / 1e6)))
                .unwrap_or_default();
            tell!("  {}", words.say(key, &[("at", at.to_string()), ("since", since)]));
        }
    }
    if summary.escalated {
        tell!("  {}", words.say("summary-escalated", &[]));
    }
}
