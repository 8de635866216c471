//! The commands that a person pastes, run as a person would: in bash, twice.

use timonel_domain::value::Weight;
use timonel_ports::target::ManualCommand;

use super::deeds::{generation, lower, percent, read};
use super::{Harness, Played, Shell};

pub(super) async fn commands(h: &mut dyn Harness, known: bool) -> Played {
    let mut ran = Played::No;
    for at in 0.. {
        let target = h.fresh(percent(5)).await;
        if known {
            read(&*target).await;
        }
        let commands = target.manual_commands(&lower(0, 4));
        assert!(!commands.is_empty(), "a person has nothing to paste");
        let Some(ManualCommand { program, line }) = commands.into_iter().nth(at) else {
            break;
        };
        assert!(!line.contains('\n'), "more than a line: {line}");
        let Some(shell) = h.shell(&program).await else { continue };
        for time in ["first", "second"] {
            let out = bash(&line, &shell).await;
            assert!(out.status.success(), "{time} time, {program}: {line}\n{out:?}");
            assert_eq!(h.live().await, Weight::ZERO, "{time} time, {program}: {line}");
        }
        assert_eq!(
            read(&*target).await.mark,
            Some(generation(4, 0)),
            "{program} leaves no mark: {line}"
        );
        ran = Played::Yes;
    }
    ran
}

async fn bash(line: &str, shell: &Shell) -> std::process::Output {
    let mut command = tokio::process::Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", line])
        .envs(shell.environment.iter().map(|(k, v)| (k, v)))
        .kill_on_drop(true);
    command.output().await.expect("bash")
}
