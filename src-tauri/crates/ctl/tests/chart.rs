//! `timonelctl chart` on a rehearsal that was kept: from the world's calls to the file that a person opens.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn timonelctl(language: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_timonelctl"));
    program.env_clear().env("USER", "luz").stdin(Stdio::null());
    program.args(["--lang", language]);
    program
}

struct Kept(tempfile::TempDir);

impl Kept {
    /// Canary errors of 40 %, rolled back once they are proved.
    fn canary_errors() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans");
        let mut program = timonelctl("es");
        program.arg("rehearse").arg(plans.join("conecta360-canary.toml"));
        program
            .arg("--scenario")
            .arg(plans.join("scenarios/conecta360-canary/canary-errors.toml"));
        let done = program.arg("--keep").arg(folder.path().join("home")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn draws(&self, language: &str, metric: &str, name: &str, more: &[&str]) -> Output {
        let mut program = timonelctl(language);
        program
            .args(["chart", "--metric", metric, "--home"])
            .arg(self.file("home"));
        program.arg("--out").arg(self.file(name)).args(more).output().unwrap()
    }

    #[track_caller]
    fn svg(&self, language: &str, metric: &str, more: &[&str]) -> String {
        let done = self.draws(language, metric, "picture.svg", more);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(String::from_utf8(done.stdout).unwrap().contains("picture.svg"));
        std::fs::read_to_string(self.file("picture.svg"))
            .unwrap()
            .replace('\u{a0}', " ")
    }

    #[track_caller]
    fn refuses(&self, language: &str, metric: &str, name: &str, more: &[&str]) -> String {
        let done = self.draws(language, metric, name, more);
        assert_eq!(done.status.code(), Some(2));
        assert!(!self.file(name).exists(), "nothing is written");
        String::from_utf8(done.stderr).unwrap()
    }
}

#[track_caller]
fn says(picture: &str, all: &[&str]) {
    for said in all {
        assert!(picture.contains(said), "`{said}` is not in {picture}");
    }
}

#[test]
fn a_kept_rehearsal_is_drawn() {
    let kept = Kept::canary_errors();

    let errors = kept.svg("es", "error_rate", &[]);
    says(
        &errors,
        &[
            "<title>Errores · ensayo</title>",
            "revierte 10 % · 5 min",
            "avisa y detiene 5 % · 5 min",
            "▲ se revierte a 0 %: el nuevo va peor: errores  13:13:00",
            "→ 10 %",
            "nuevo a 0 %: solo lo que seguía en curso",
            "13:10",
        ],
    );
    let again = kept.svg("es", "errores", &[]);
    assert_eq!(
        errors, again,
        "by the signal's id it is the same picture, byte for byte"
    );
    let dark = kept.svg("en", "error_rate", &["--dark", "--zone", "-05:00"]);
    says(
        &dark,
        &["Errors", "rolls back 10 % · 5 min", "UTC−5", "08:13:00", "#24282D"],
    );
    let before = ["--from", "2026-11-23T13:02:00Z", "--to", "2026-11-23T13:08:00Z"];
    let calm = kept.svg("en", "response_time p95", &before);
    says(
        &calm,
        &[
            "Response time, 95th percentile",
            "alerts and freezes 3 s · 5 min",
            "13:05",
        ],
    );
    assert!(!calm.contains("rolls back to 0 %") && !calm.contains("13:15"), "{calm}");

    let phases = kept.svg("es", "timeline", &[]);
    says(
        &phases,
        &[
            "Canario 10 %",
            "Todo el tráfico",
            "último dato 13:17",
            "se revierte a 0 %: el nuevo va peor: errores  13:13:00",
            "comprobado en el tráfico  13:13:30",
            "Peso aceptado al final: 0 %.",
        ],
    );

    for (metric, height) in [("error_rate", 920), ("timeline", 880)] {
        let done = kept.draws("es", metric, "picture.png", &["ensayo"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let png = std::fs::read(kept.file("picture.png")).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((number(16), number(20)), (2000, height));
        assert!(png.len() > 20_000, "{metric}: {} bytes are an empty sheet", png.len());
    }

    let unknown = kept.refuses("es", "nada", "no.svg", &[]);
    says(&unknown, &["«nada»", "error_rate", "casos_up", "timeline"]);
    let nothing = kept.refuses("en", "error_rate", "no.png", &["--from", "2027-01-01T00:00:00Z"]);
    says(&nothing, &["no samples of error_rate", "2027-01-01"]);
    says(&kept.refuses("en", "error_rate", "no.gif", &[]), &[".svg or .png"]);
    let missing = kept.refuses("en", "error_rate", "no.svg", &["otro"]);
    says(&missing, &["otro"]);
}
