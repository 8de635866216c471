//! Arguments of what a person wants of a rollout.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use timonel_domain::value::{Person, RolloutId, TenantId};
use timonel_wire::HoldName;

use super::Installation;

/// Who wants something of which rollout.
#[derive(Debug, ClapArgs)]
pub(crate) struct Press {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// Which rollout; may be left out where only one is open, or only one under way.
    #[arg(long)]
    pub(crate) rollout: Option<RolloutId>,
    /// Who asks for it, for the journal.
    #[arg(long, env = "USER", default_value = "desconocido")]
    pub(crate) by: Person,
    /// A kubeconfig in place of the one kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// Which rollout; may be left out where only one is open, or only one under way.
    #[arg(long)]
    pub(crate) rollout: Option<RolloutId>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Because {
    #[command(flatten)]
    pub(crate) press: Press,
    /// Why, for the journal.
    #[arg(long)]
    pub(crate) reason: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sign {
    #[command(flatten)]
    pub(crate) press: Press,
    /// The checklist, by its id in the plan.
    pub(crate) checklist: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) because: Because,
    /// What holds it.
    #[arg(value_enum)]
    pub(crate) hold: HoldKind,
    /// The target, where it is held because somebody else moved one.
    #[arg(long, required_if_eq_any([("hold", "drift"), ("hold", "shift")]))]
    pub(crate) target: Option<String>,
}

/// What a person can release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HoldKind {
    /// A person froze it, or a reduction waits for one.
    Operator,
    /// An alert.
    Alert,
    /// Somebody else moved a target.
    Drift,
    /// A target could not be moved.
    Shift,
    /// Nobody watched for a while.
    Gap,
    /// Evidence is missing.
    Evidence,
}

impl Release {
    /// Which hold it is.
    pub(crate) fn hold(&self) -> HoldName {
        let target = self.target.clone().unwrap_or_default();
        match self.hold {
            HoldKind::Operator => HoldName::Operator,
            HoldKind::Alert => HoldName::Alert,
            HoldKind::Drift => HoldName::Drift { target },
            HoldKind::Shift => HoldName::Shift { target },
            HoldKind::Gap => HoldName::Gap,
            HoldKind::Evidence => HoldName::NoEvidence,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Pin {
    #[command(flatten)]
    pub(crate) press: Press,
    /// The tenant, by its id in the plan.
    pub(crate) tenant: TenantId,
    /// Why, for the journal.
    #[arg(long)]
    pub(crate) reason: String,
    /// Let it take part again, from the next raise on.
    #[arg(long)]
    pub(crate) off: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) press: Press,
    /// Say yes where the stable side is no longer kept.
    #[arg(long)]
    pub(crate) confirmed: bool,
    /// Only print the commands to paste; do nothing.
    #[arg(long)]
    pub(crate) commands: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Open {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// The plan.
    pub(crate) plan: PathBuf,
    /// The plan's environment.
    #[arg(long)]
    pub(crate) environment: String,
}
