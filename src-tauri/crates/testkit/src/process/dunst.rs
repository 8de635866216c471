//! A real dunst at a desk of a test, on a display of its own, and the person before it: reads popups, presses, puts away.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use async_trait::async_trait;

use super::keyring::{Desk, START, missing, signal};
use super::until;
use crate::popup::Screen;

/// What parts the fields of a popup in the log, and the popups.
const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';

/// A popup as dunst received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// By which the desk knows it; an update has the one of what it changes.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its body as a person reads it, markup taken in.
    pub body: String,
    /// `LOW`, `NORMAL` or `CRITICAL`.
    pub urgency: String,
    /// How long it stands in milliseconds; 0 is for ever.
    pub timeout: String,
}

/// dunst, running. Dropping it ends it and its display.
#[derive(Debug)]
pub struct Dunst<'a> {
    desk: &'a Desk,
    display: Child,
    number: String,
    daemon: Option<Child>,
}

impl<'a> Dunst<'a> {
    /// Starts it and waits until it is on the bus. `None`, saying so, where a program is missing.
    pub async fn start(desk: &'a Desk) -> Option<Self> {
        for program in ["Xvfb", "dunst", "dunstctl"] {
            // dunstctl has no such option; that it answers is enough.
            if let Some(missing) = missing(program) {
                println!("skipped: {missing}");
                return None;
            }
        }
        let mut xvfb = Command::new("Xvfb");
        xvfb.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "800x600x24"]);
        let quiet = xvfb.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut display = quiet.spawn().expect("a display starts");
        let mut number = String::new();
        let said = display.stdout.take().expect("its output");
        BufReader::new(said).read_line(&mut number).expect("it says its number");
        let mut dunst = Self {
            desk,
            display,
            number: format!(":{}", number.trim()),
            daemon: None,
        };
        dunst.begin().await;
        Some(dunst)
    }

    /// Starts the program on its display, again after [`Dunst::end`].
    pub async fn begin(&mut self) {
        let folder = self.folder();
        fs::create_dir_all(&folder).expect("a folder");
        let script = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file");
            fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("rights");
            path.display().to_string()
        };
        let here = folder.display();
        let fields = ["ID", "SUMMARY", "BODY", "URGENCY", "TIMEOUT"].map(|name| format!("\"$DUNST_{name}\""));
        // One write each, so that two at once do not mix.
        let format = vec!["%s"; fields.len()].join("\\037");
        let heard = script(
            "heard",
            format!("printf '{format}\\036' {} >> '{here}/received'", fields.join(" ")),
        );
        // Stands in for the menu in which a person chooses.
        let menu = script("menu", format!("grep -F -m 1 -f '{here}/wanted'"));
        let config = folder.join("dunstrc");
        let text = format!(
            "[global]\ndmenu = \"{menu}\"\nbrowser = /bin/false\n[everything]\nsummary = \"*\"\nscript = \"{heard}\"\n"
        );
        fs::write(&config, text).expect("a file");
        let mut program = self.desk.program("dunst");
        program.env("DISPLAY", &self.number).arg("-config").arg(&config);
        let quiet = program.stdout(Stdio::null()).stderr(Stdio::null());
        self.daemon = Some(quiet.spawn().expect("dunst starts"));
        let name = "org.freedesktop.Notifications";
        let up = until(START, async || self.desk.has(name).then_some(())).await;
        assert!(up.is_some(), "dunst is not on the bus within {START:?}");
    }

    /// Ends it, as a desk without popups has none.
    pub fn end(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // Both fail only where it has ended by itself.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }

    /// Stops it where it stands: it stays on the bus and answers nobody.
    pub fn hang(&self) {
        signal("STOP", self.daemon.as_ref().expect("it runs").id());
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        signal("CONT", self.daemon.as_ref().expect("it runs").id());
    }

    /// Everything that it has received, the oldest first; an update is one more.
    pub fn received(&self) -> Vec<Received> {
        let log = fs::read_to_string(self.folder().join("received")).unwrap_or_default();
        let records = log.split_terminator(RECORD);
        let read = |record: &str| {
            let fields: Vec<String> = record.split(FIELD).map(str::to_owned).collect();
            let [id, title, body, urgency, timeout] = fields.try_into().expect("five fields");
            Received {
                id,
                title,
                body,
                urgency,
                timeout,
            }
        };
        records.map(read).collect()
    }

    fn folder(&self) -> PathBuf {
        self.desk.folder().join("dunst")
    }

    fn dunstctl(&self, args: &[&str]) -> String {
        let done = self
            .desk
            .program("dunstctl")
            .args(args)
            .output()
            .expect("dunstctl starts");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

#[async_trait]
impl Screen for Dunst<'_> {
    async fn standing(&self) -> usize {
        let said = self.dunstctl(&["count", "displayed"]);
        said.trim().parse().expect("dunst counts its popups")
    }

    async fn press(&self, label: &str) {
        fs::write(self.folder().join("wanted"), label).expect("a file");
        self.dunstctl(&["context"]);
    }

    async fn put_away(&self) {
        self.dunstctl(&["close"]);
    }
}

impl Drop for Dunst<'_> {
    fn drop(&mut self) {
        self.end();
        let _ = self.display.kill();
        let _ = self.display.wait();
    }
}
