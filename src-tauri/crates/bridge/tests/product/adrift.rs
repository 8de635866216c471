//! A rollback where something is gone that a rollback must not need: the store, what is in it, room on the disk, a token. Each presses in
//! another process and looks at what the cluster gives the canary, and at what the person was told.

use std::path::PathBuf;
use std::process::{Command as Program, Output};

use secrecy::{ExposeSecret, SecretString};
use timonel_domain::rollout::Stage;
use timonel_domain::value::Person;
use timonel_journal::entry::Entry;
use timonel_journal::file;
use timonel_journal::record::{CauseRecord, EventRecord, KIT, MERGED, StepRecord};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{JournalStore, Part, Position};
use timonel_testkit::process::{Postgres, ProcessError};

use crate::played::runtime;
use crate::standing::timonelctl;
use crate::taken_up::World;

/// The program at the desk of a world.
struct Terminal<'a> {
    world: &'a World,
    program: PathBuf,
    store: Option<SecretString>,
}

/// How it ended and what it said.
struct Said {
    code: Option<i32>,
    text: String,
}

impl From<Output> for Said {
    fn from(done: Output) -> Self {
        let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self {
            code: done.status.code(),
            text: text.concat(),
        }
    }
}

impl Terminal<'_> {
    fn run(&self, args: &[&str]) -> Said {
        self.with(Program::new(&self.program), args)
    }

    /// With room for no byte in any file.
    fn run_on_a_full_disk(&self, args: &[&str]) -> Said {
        let mut shell = Program::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
            .arg(&self.program);
        self.with(shell, args)
    }

    fn with(&self, mut program: Program, args: &[&str]) -> Said {
        program
            .args(["--lang", "en"])
            .args(args)
            .arg("--home")
            .arg(self.world.home());
        if let Some(store) = &self.store {
            program.args(["--store", store.expose_secret()]);
        }
        program.output().unwrap().into()
    }

    fn roll_back(&self) -> Said {
        self.run(&self.pressing().each_ref().map(String::as_str))
    }

    fn pressing(&self) -> [String; 5] {
        let kubeconfig = self.world.kubeconfig().display().to_string();
        ["rollback", "--by", "luz", "--kubeconfig", &kubeconfig].map(str::to_owned)
    }

    /// The files of what was done from the kit, with such an ending.
    fn chains(&self, ending: &str) -> Vec<PathBuf> {
        let kits = std::fs::read_dir(self.world.home().join("rollback-kits")).unwrap();
        let paths = kits.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|e| e == ending))
            .collect()
    }
}

fn is_of_luz(entry: &Entry) -> bool {
    let luz = CauseRecord::Person(Person::new("luz").unwrap());
    let step = entry.body.read::<StepRecord>();
    matches!(step.map(|step| step.event), Ok(EventRecord::RollBack { cause, .. }) if cause == luz)
}

async fn journal(address: &SecretString) -> Vec<Entry> {
    let store = timonel_store::open(address, SystemClock::shared()).await.unwrap();
    let placed = store.entries(Part::All, Position::START, u32::MAX).await.unwrap();
    placed.iter().map(|placed| placed.sealed.entry().unwrap()).collect()
}

#[test]
fn without_its_store_a_rollout_is_put_back_from_the_kit_and_the_journal_hears_of_it_once() {
    let Some(program) = timonelctl() else { return };
    let ours = runtime();
    let mut server = match ours.block_on(Postgres::start()) {
        Err(ProcessError::Missing { program }) => return println!("skipped: {program} is not installed"),
        server => server.unwrap(),
    };
    let world = World::start();
    let address = server.database().unwrap();
    world.rolled_out_and_killed_in(Some(&address));
    let terminal = Terminal {
        world: &world,
        program,
        store: Some(address.clone()),
    };
    // Whoever has looked at a rollout can put it back.
    let status = terminal.run(&["status"]);
    assert_eq!(
        (status.code, terminal.chains("kit").len()),
        (Some(0), 1),
        "{}",
        status.text
    );

    server.kill();
    let printed = terminal.run(&["rollback", "--commands"]);
    assert!(printed.text.contains("kubectl"), "{}", printed.text);
    assert_eq!(world.weights(), [25, 100], "it was only to print them");
    let done = terminal.roll_back();
    assert_eq!(world.weights(), [0, 0], "{}", done.text);
    assert_eq!(done.code, Some(0), "{}", done.text);
    for told in [
        "the store cannot be used",
        "from this desk's rollback kit",
        "revision 1",
        "Written down at this desk",
    ] {
        assert!(done.text.contains(told), "{told}: {}", done.text);
    }
    assert!(!done.text.contains("pa55"), "{}", done.text);
    let [chain] = terminal.chains("journal").try_into().unwrap();
    let mut written = Vec::new();
    file::read(&chain, |sealed| written.push(sealed.entry().unwrap())).unwrap();
    assert_eq!(written[0].kind.as_str(), KIT);
    assert_eq!(written.iter().filter(|entry| is_of_luz(entry)).count(), 1);
    let away = terminal.run(&["audit", "verify"]);
    assert_eq!(away.code, Some(1), "{}", away.text);
    assert!(away.text.contains("held against no journal"), "{}", away.text);

    ours.block_on(server.resume()).unwrap();
    let copy = std::fs::read(&chain).unwrap();
    let merged = terminal.run(&["status"]);
    assert!(merged.text.contains("is in the journal now"), "{}", merged.text);
    std::fs::write(&chain, &copy).unwrap();
    let again = terminal.run(&["status"]);
    assert!(!again.text.contains("is in the journal now"), "{}", again.text);
    let entries = ours.block_on(journal(&address));
    let merges = entries.iter().filter(|entry| entry.kind.as_str() == MERGED).count();
    let of_kit = entries.iter().filter(|entry| entry.writer == written[0].writer).count();
    assert_eq!((merges, of_kit), (1, written.len()));
    let verified = terminal.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.text);
    assert!(
        verified.text.contains("all of them are in the journal"),
        "{}",
        verified.text
    );

    // Whoever takes it up next knows of it, and nothing is raised.
    ours.block_on(async {
        let clock = SystemClock::shared();
        let (engine, mut bulletins, _commands) = world.engine_in(&clock, Some(&address)).await;
        let back = crate::standing::follow(&clock, &mut bulletins, |b| b.state.stage == Stage::RolledBack).await;
        assert!(back.last().unwrap().state.latch.is_some());
        engine.stop().await;
    });
    assert_eq!(world.weights(), [0, 0]);

    let [merged] = terminal.chains("merged").try_into().unwrap();
    let mut bytes = std::fs::read(&merged).unwrap();
    let at = bytes.windows(3).position(|three| three == b"luz").unwrap();
    bytes[at] = b'p';
    std::fs::write(&merged, bytes).unwrap();
    let broken = terminal.run(&["audit", "verify", merged.to_str().unwrap()]);
    assert_eq!(broken.code, Some(1), "{}", broken.text);
    assert!(broken.text.contains("line 1"), "{}", broken.text);
}

#[test]
fn a_disk_without_room_keeps_nothing_from_being_put_back() {
    let Some(program) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    let terminal = Terminal {
        world: &world,
        program,
        store: None,
    };
    let status = terminal.run(&["status"]);
    assert_eq!(status.code, Some(0), "{}", status.text);

    let full = terminal.run_on_a_full_disk(&terminal.pressing().each_ref().map(String::as_str));
    assert_eq!(world.weights(), [0, 0], "{}", full.text);
    assert_eq!(full.code, Some(1), "{}", full.text);
    assert!(
        full.text.contains("the journal does not have all of it"),
        "{}",
        full.text
    );
}

#[test]
fn a_store_that_cannot_be_opened_on_a_full_disk_is_done_without() {
    let Some(program) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    let terminal = Terminal {
        world: &world,
        program,
        store: None,
    };
    let status = terminal.run(&["status"]);
    assert_eq!(status.code, Some(0), "{}", status.text);

    // What stands in its place is no file at all.
    for ending in ["", "-wal", "-shm"] {
        let path = world.home().join(format!("timonel.db{ending}"));
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::create_dir(world.home().join("timonel.db")).unwrap();
    let done = terminal.run_on_a_full_disk(&terminal.pressing().each_ref().map(String::as_str));
    assert_eq!(world.weights(), [0, 0], "{}", done.text);
    assert_eq!(done.code, Some(1), "{}", done.text);
    for told in [
        "the store cannot be used",
        "what is done cannot be written down",
        "the journal does not have all of it",
    ] {
        assert!(done.text.contains(told), "{told}: {}", done.text);
    }
}

/// Programs that give tokens keep them until the moment that they were told; whoever takes them back earlier answers 401.
#[test]
fn a_token_that_has_expired_is_asked_for_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(program) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    let script = world.home().join("token");
    let text = "#!/bin/sh\n\
        echo x >> \"$0.asked\"\n\
        if [ $(wc -l < \"$0.asked\") -lt 3 ]; then token=caducado; else token=rehearsal; fi\n\
        printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' $token\n";
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let kubeconfig = std::fs::read_to_string(world.kubeconfig()).unwrap();
    let exec = format!(
        "exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: {}\n      interactiveMode: Never",
        script.display()
    );
    let with_program = kubeconfig.replace("token: \"rehearsal\"", &exec);
    assert_ne!(with_program, kubeconfig);
    std::fs::write(world.kubeconfig(), with_program).unwrap();
    let terminal = Terminal {
        world: &world,
        program,
        store: None,
    };
    let done = terminal.roll_back();
    assert_eq!(world.weights(), [0, 0], "{}", done.text);
    assert_eq!(done.code, Some(0), "{}", done.text);
    let asked = std::fs::read_to_string(world.home().join("token.asked")).unwrap();
    assert!(asked.lines().count() >= 3, "{asked}");
}
