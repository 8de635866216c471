//! People elsewhere command an engine without a window, through the PostgreSQL server that both use: it obeys once, answers, and
//! where it does not answer a rollback is done from the terminal.

use std::path::{Path, PathBuf};
use std::process::{Command as Program, Output};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use timonel_domain::value::{Person, RolloutId};
use timonel_engine::command::Wish;
use timonel_journal::entry::{Body, Entry};
use timonel_journal::record::{AnswerRecord, COMMAND, CauseRecord, CommandRecord, EventRecord, STEP, StepRecord};
use timonel_ports::clock::SystemClock;
use timonel_ports::commands::{Command, CommandId, Commands};
use timonel_ports::helm::Helm;
use timonel_ports::store::{JournalStore, Part, Position, RolloutStore};
use timonel_store::Database;
use timonel_testkit::process::{Postgres, Process, ProcessError, until};
use tokio::runtime::Runtime;

use crate::standing::{PATIENCE, timonelctl};
use crate::taken_up::World;

/// A world, a server, and the programs that share it.
pub(crate) struct Shore {
    pub(crate) world: World,
    pub(crate) server: Postgres,
    pub(crate) url: SecretString,
    store: Arc<Database>,
    program: PathBuf,
}

impl Shore {
    /// `None` where something that it needs is not there.
    pub(crate) fn start(ours: &Runtime) -> Option<Self> {
        let program = timonelctl()?;
        let server = match ours.block_on(Postgres::start()) {
            Ok(server) => server,
            Err(ProcessError::Missing { program }) => {
                println!("skipped: `{program}` is not installed");
                return None;
            }
            Err(other) => panic!("{other}"),
        };
        let url = server.database().unwrap();
        let store = ours.block_on(timonel_store::open(&url, SystemClock::shared())).unwrap();
        let world = World::start();
        std::fs::write(world.home().join("plan.toml"), world.plan().1).unwrap();
        Some(Self {
            world,
            server,
            url,
            store: Arc::new(store),
            program,
        })
    }

    pub(crate) async fn engine(&self, name: &str) -> Process {
        let home = self.world.home().join(name);
        let engine = Process::start(self.program.to_str().unwrap(), |_| {
            let args = ["engine", "--lang", "en", "--listen", "127.0.0.1:0", "--name", name];
            let mut args: Vec<std::ffi::OsString> = args.map(Into::into).into();
            args.extend([
                "--home".into(),
                home.into(),
                "--kubeconfig".into(),
                self.world.kubeconfig().into(),
            ]);
            args.extend(["--store".into(), self.url.expose_secret().into()]);
            Ok(args)
        });
        let mut engine = engine.unwrap();
        engine.says("/metrics").await.unwrap();
        let holds = until(PATIENCE, async || {
            let rows = self.store.rollouts().await.unwrap();
            let rollout = &rows.first()?.id;
            let held = self.store.current(rollout).await.unwrap().held?;
            held.by.as_str().starts_with(name).then_some(())
        });
        assert!(holds.await.is_some(), "{}", engine.said());
        engine
    }

    /// A person at another desk.
    fn says(&self, words: &[&str]) -> Output {
        let desk = self.world.home().join("otro-escritorio");
        let mut program = Program::new(&self.program);
        program.args(["--lang", "en"]).args(words).arg("--home").arg(desk);
        program
            .env("TIMONEL_STORE", self.url.expose_secret())
            .env("USER", "luz");
        if words[0] != "open" {
            program.arg("--kubeconfig").arg(self.world.kubeconfig());
        }
        program.output().unwrap()
    }

    /// Somebody who looks on at another desk.
    fn looks_on(&self) -> Process {
        let desk = self.world.home().join("otro-escritorio");
        Process::start(self.program.to_str().unwrap(), |_| {
            let mut args: Vec<std::ffi::OsString> = ["watch", "--lang", "en", "--home"].map(Into::into).into();
            args.extend([desk.into(), "--store".into(), self.url.expose_secret().into()]);
            Ok(args)
        })
        .unwrap()
    }

    #[track_caller]
    fn is_obeyed(&self, words: &[&str]) -> String {
        let done = self.says(words);
        let said = text(&done);
        assert_eq!(done.status.code(), Some(0), "{words:?}: {said}");
        said
    }

    /// Opens a rollout, which has no engine yet.
    pub(crate) fn open(&self) {
        let plan: &Path = &self.world.home().join("plan.toml");
        self.is_obeyed(&["open", "--environment", "prueba", plan.to_str().unwrap()]);
    }

    /// Arms and starts it by orders from the other desk.
    async fn bakes(&self) {
        // Refused until every signal was read.
        let armed = until(PATIENCE, async || self.says(&["arm"]).status.success().then_some(()));
        assert!(armed.await.is_some(), "{}", text(&self.says(&["arm"])));
        self.is_obeyed(&["start"]);
        let there = until(PATIENCE, async || (self.world.weights() == [25, 100]).then_some(()));
        assert!(there.await.is_some(), "{:?}", self.world.weights());
    }

    async fn rollout(&self) -> RolloutId {
        self.store.rollouts().await.unwrap().pop().unwrap().id
    }

    async fn entries(&self) -> Vec<Entry> {
        let rollout = self.rollout().await;
        let placed = self
            .store
            .entries(Part::Rollout(&rollout), Position::START, 10_000)
            .await
            .unwrap();
        placed.iter().map(|placed| placed.sealed.entry().unwrap()).collect()
    }

    /// Who wrote each entry.
    pub(crate) async fn writers(&self) -> Vec<String> {
        let entries = self.entries().await;
        entries.iter().map(|entry| entry.writer.to_string()).collect()
    }

    /// Steps like this, each with who wrote it.
    async fn steps(&self, is_it: impl Fn(&EventRecord) -> bool) -> Vec<(String, StepRecord)> {
        let entries = self
            .entries()
            .await
            .into_iter()
            .filter(|entry| entry.kind.as_str() == STEP);
        let steps = entries.map(|entry| (entry.writer.to_string(), entry.body.read::<StepRecord>().unwrap()));
        steps.filter(|(_, step)| is_it(&step.event)).collect()
    }

    pub(crate) async fn rollbacks(&self) -> Vec<(String, StepRecord)> {
        let luz = CauseRecord::Person(Person::new("luz").unwrap());
        self.steps(|event| matches!(event, EventRecord::RollBack { cause, .. } if *cause == luz))
            .await
    }

    /// What became of commands that are no steps.
    async fn answers(&self) -> Vec<(String, AnswerRecord)> {
        let entries = self
            .entries()
            .await
            .into_iter()
            .filter(|entry| entry.kind.as_str() == COMMAND);
        let records = entries.map(|entry| entry.body.read::<CommandRecord>().unwrap());
        records.map(|record| (record.id, record.answer)).collect()
    }

    /// Puts a command into the store, as it was put ten minutes ago.
    async fn said_long_ago(&self, id: &str, wish: Wish) {
        let command = Command {
            id: CommandId::new(id).unwrap(),
            by: Person::new("luz").unwrap(),
            at: SystemClock::shared().now(),
            what: Body::of(&wish).unwrap(),
        };
        self.store.orders(&self.rollout().await).submit(command).await.unwrap();
        let sql = format!("UPDATE timonel.command SET put_at = put_at - 600000000 WHERE id = '{id}'");
        self.server.sql(&self.url, &sql).unwrap();
    }

    fn unanswered(&self) -> String {
        let sql = "SELECT count(*) FROM timonel.command WHERE answered_at IS NULL";
        self.server.sql(&self.url, sql).unwrap()
    }
}

fn text(done: &Output) -> String {
    String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
}

#[test]
fn whoever_has_the_helm_obeys_what_is_said_at_another_desk_and_answers() {
    let ours = crate::played::runtime();
    let Some(mut shore) = Shore::start(&ours) else { return };
    ours.block_on(async {
        shore.open();
        let _engine = shore.engine("motor-a").await;
        shore.bakes().await;

        let mut looks_on = shore.looks_on();
        looks_on.says("motor-a").await.unwrap();
        let said = shore.is_obeyed(&["freeze", "--reason", "voy a mirar"]);
        assert!(
            said.contains("motor-a") && said.contains("has the helm since"),
            "{said}"
        );
        let frozen = shore.steps(|event| matches!(event, EventRecord::Freeze { .. })).await;
        let [(writer, step)] = &frozen[..] else {
            panic!("{frozen:?}")
        };
        assert!(writer.starts_with("motor-a") && step.command.is_some(), "{frozen:?}");
        let said = shore.is_obeyed(&["freeze", "--reason", "yo también"]);
        let again = shore
            .steps(|event| matches!(event, EventRecord::Freeze { .. }))
            .await
            .len();
        assert!(said.contains("nothing changed") || again == 2, "{said}");

        // What the engine refuses, whoever asked is told of.
        let refused = shore.says(&["start"]);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("not done"), "{}", text(&refused));
        shore.is_obeyed(&["release", "operator", "--reason", "visto"]);

        let said = shore.is_obeyed(&["rollback"]);
        assert_eq!(shore.world.weights(), [0, 0], "{said}");
        looks_on.says("lowers casos").await.unwrap();
        let rollbacks = shore.rollbacks().await;
        assert!(
            rollbacks.len() == 1 && rollbacks[0].0.starts_with("motor-a"),
            "{rollbacks:?}"
        );
        let others = shore
            .entries()
            .await
            .into_iter()
            .find(|entry| !entry.writer.as_str().starts_with("motor-a"));
        assert_eq!(others, None, "nobody else took anything up");
        let answered = until(PATIENCE, async || (shore.unanswered() == "0").then_some(())).await;
        assert!(answered.is_some(), "{}", shore.unanswered());

        shore.server.kill();
        looks_on.says("may be old").await.unwrap();
        shore.server.resume().await.unwrap();
        looks_on.says("answers again").await.unwrap();
    });
}

#[test]
fn one_that_hangs_keeps_no_rollback_waiting_and_nothing_old_is_obeyed_later_but_a_rollback_once() {
    let ours = crate::played::runtime();
    let Some(shore) = Shore::start(&ours) else { return };
    ours.block_on(async {
        shore.open();
        let mut engine = shore.engine("motor-a").await;
        shore.bakes().await;

        engine.signal("STOP");
        let said = shore.is_obeyed(&["rollback"]);
        assert!(said.contains("done from here"), "{said}");
        assert_eq!(shore.world.weights(), [0, 0], "{said}");
        engine.signal("CONT");
        engine.says("taken up anew when nobody holds it").await.unwrap();
        assert_eq!(
            shore.rollbacks().await.len(),
            1,
            "the one that hung has it as well, and does not do it again"
        );

        // Nobody is there for ten minutes.
        engine.signal("KILL");
        engine.ended(PATIENCE).await.unwrap();
        shore
            .said_long_ago(
                "viejo-1",
                Wish::Reset {
                    reason: "ya está".to_owned(),
                },
            )
            .await;
        shore.said_long_ago("viejo-2", Wish::roll_back()).await;
        let mut engine = shore.engine("motor-a").await;
        let answered = until(PATIENCE, async || (shore.unanswered() == "0").then_some(()));
        assert!(answered.await.is_some(), "{}", engine.said());
        let answers = shore.answers().await;
        assert!(
            answers.contains(&("viejo-1".to_owned(), AnswerRecord::Late)),
            "{answers:?}"
        );
        assert!(
            shore
                .steps(|event| matches!(event, EventRecord::Reset { .. }))
                .await
                .is_empty()
        );
        let obeyed = |steps: &[(String, StepRecord)]| {
            steps
                .iter()
                .filter(|(_, step)| step.command.as_deref() == Some("viejo-2"))
                .count()
        };
        let known = shore.entries().await.len();
        let once = obeyed(&shore.rollbacks().await) + answers.iter().filter(|(id, _)| id == "viejo-2").count();
        assert_eq!(
            once, 1,
            "a rollback never lapses while its rollout is open: {answers:?}"
        );

        // It ended between the journal and the mark that both are answered.
        engine.signal("KILL");
        engine.ended(PATIENCE).await.unwrap();
        shore
            .server
            .sql(
                &shore.url,
                "UPDATE timonel.command SET answered_at = NULL WHERE id LIKE 'viejo-%'",
            )
            .unwrap();
        let _engine = shore.engine("motor-a").await;
        let answered = until(PATIENCE, async || (shore.unanswered() == "0").then_some(()));
        assert!(answered.await.is_some());
        let since: Vec<_> = shore.entries().await.split_off(known);
        let again = since.iter().filter(|entry| {
            let step = || entry.body.read::<StepRecord>().unwrap();
            entry.kind.as_str() == COMMAND || entry.kind.as_str() == STEP && step().command.is_some()
        });
        assert_eq!(
            again.count(),
            0,
            "what the journal has an answer to is not obeyed again"
        );
    });
}
