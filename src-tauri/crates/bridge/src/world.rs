//! A plan opened in the simulator's world: the world, the engine over it and the way in for commands.
//!
//! Rehearsal and console begin here alike, so that what a person presses in one is what runs in the other. Deliberately
//! not here: who drives the clock, who presses, and when it is over.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::value::{RolloutId, Writer};
use timonel_engine::{Bulletin, Engine, Parts};
use timonel_journal::intent::IntentFolder;
use timonel_journal::kit::KitFolder;
use timonel_kubernetes::Access;
use timonel_plan::Parsed;
use timonel_plan::model::SourceKind;
use timonel_plan::parsed::{SIMULATOR, Way};
use timonel_plan::scenario::Scenario;
use timonel_ports::commands::{QueueEnd, in_process};
use timonel_ports::mailbox::Receiver;
use timonel_ports::target::Target;
use timonel_simulator::simulator::{Place, Simulator};
use timonel_simulator::time::VirtualClock;
use timonel_store::Sqlite;

use crate::BridgeError;
use crate::connect::{self, Cluster, Connections, Key, Kits};
use crate::desk::KITS;

/// What to open, and where.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The plan.
    pub(crate) plan: Parsed,
    /// The plan as it was written.
    pub(crate) plan_text: String,
    /// What happens.
    pub(crate) scenario: Scenario,
    /// Where the store and the intent file go: an empty folder.
    pub(crate) folder: PathBuf,
    /// Addresses that stand in for the simulator's, by the name of the source.
    pub(crate) sources: BTreeMap<String, String>,
    /// How much of its past the world keeps; `None`: as much as it does by itself.
    pub(crate) kept: Option<Duration>,
}

/// A plan opened in the simulator's world.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    /// The plan as it runs, in the simulator's environment.
    pub(crate) plan: Parsed,
    pub(crate) rollout: RolloutId,
    pub(crate) engine: Engine,
    pub(crate) bulletins: Receiver<Bulletin>,
    pub(crate) commands: QueueEnd,
    pub(crate) store: Arc<Sqlite>,
    pub(crate) targets: Vec<Arc<dyn Target>>,
}

impl Setting {
    /// Opens it. Somebody has to drive `clock` meanwhile.
    pub(crate) async fn open(self, clock: &VirtualClock) -> Result<World, BridgeError> {
        let shared = clock.shared();
        let places = self.plan.targets.iter().map(|t| (t.id.clone(), self.place(&t.way)));
        let simulator = Simulator::start(clock, &self.scenario, self.scenario.seed, places)
            .await
            .map_err(|e| BridgeError::Simulator(e.to_string()))?;
        if let Some(span) = self.kept {
            simulator.keep(span);
        }
        let (plan, plan_text) = self.plan_in_the_world()?;
        let connections = self.connections(&plan, &simulator);
        let rollout = RolloutId::new("ensayo").expect("a good id");
        let kits = Kits::Of(KitFolder::new(self.folder.join(KITS)), rollout.clone());
        let targets = connect::targets(&plan, &connections, &kits, &shared).await?;
        let sources = connect::sources(&plan, &connections, &shared)?;
        let store = Arc::new(Sqlite::open(&self.folder.join("timonel.db"), shared.clone()).await?);
        let (commands, feed) = in_process(&shared);
        let (engine, bulletins) = Engine::start(Parts {
            rollout: rollout.clone(),
            plan: plan.plan.clone(),
            plan_text,
            clock: shared.clone(),
            writer: Writer::new("simulador").expect("a good id"),
            store: store.clone(),
            helm: store.clone(),
            commands: Box::new(feed),
            orders: None,
            targets: targets.clone(),
            sources,
            intents: IntentFolder::new(self.folder.join("intents")),
        })
        .await?;
        Ok(World {
            simulator,
            plan,
            rollout,
            engine,
            bulletins,
            commands,
            store,
            targets,
        })
    }

    /// The plan as it will run, and its text: what is kept must replay to what happened.
    fn plan_in_the_world(&self) -> Result<(Parsed, String), BridgeError> {
        let mut text = Some(self.plan_text.clone());
        if let Some(most) = self.scenario.bake_at_most {
            text = text.and_then(|text| timonel_plan::edit::with_bake_at_most(&text, most));
        }
        if let Some(most) = self.scenario.wait_at_most {
            text = text.and_then(|text| timonel_plan::edit::with_waits_at_most(&text, most));
        }
        let text = text.unwrap_or_default();
        let unusable =
            || BridgeError::Simulator("the plan with its shortened bakes does not pass its own check".to_owned());
        let plan = timonel_plan::check(&text).value.ok_or_else(unusable)?;
        let plan = plan.in_environment(SIMULATOR);
        Ok((plan.map_err(|e| BridgeError::Simulator(e.to_string()))?, text))
    }

    /// What the simulator has to have where a target of the plan is.
    fn place(&self, way: &Way) -> Place {
        match way {
            Way::VirtualService(way) => Place::VirtualService(way.name.clone()),
            Way::NumberShare(way) => Place::NumberShare {
                stable: way.stable.clone(),
                canary: way.canary.clone(),
                named: self.plan.tenants.iter().flat_map(|t| t.numbers.clone()).collect(),
                except: way.except.clone(),
            },
        }
    }

    fn connections(&self, plan: &Parsed, simulator: &Simulator) -> Connections {
        let cluster = || Cluster {
            access: Access::Text(simulator.kubeconfig().into()),
            context: None,
        };
        let key = || Key {
            url: simulator.telnyx_url().unwrap_or_default(),
            key: Simulator::TELNYX_KEY.into(),
        };
        let (mut clusters, mut accounts, mut sources) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for target in &plan.targets {
            match &target.way {
                Way::VirtualService(way) => drop(clusters.insert(way.cluster.clone(), cluster())),
                Way::NumberShare(way) => drop(accounts.insert(way.account.clone(), key())),
            }
        }
        for source in &plan.sources {
            match (source.kind, &source.account) {
                (SourceKind::Prometheus, _) => drop(sources.insert(source.name.clone(), simulator.prometheus_url())),
                (SourceKind::Scrape, _) => drop(sources.insert(source.name.clone(), simulator.metrics_url())),
                (SourceKind::Telnyx, Some(account)) => drop(accounts.insert(account.clone(), key())),
                (SourceKind::Telnyx, None) => {}
            }
        }
        sources.extend(self.sources.clone());
        Connections::new(clusters, accounts, sources)
    }
}
