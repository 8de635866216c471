//! Ours: a console and its engine for each tenant, over one store on the disk, with the adapters that a person's rollout has.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use timonel_bridge::Desk;
use timonel_bridge::connect::{Connections, Pushed};
use timonel_bridge::console::{Asker, Console, Surface, TakeUp};
use timonel_domain::value::{Person, RolloutId, Writer};
use timonel_http::{Client, Method, Request};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::store::RolloutRow;
use timonel_ports::task::spawn;
use timonel_wire::Order;

use super::weights::Weights;

const PLAN: &str = include_str!("plan.toml");
/// For a rollout to reach its first weight.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// What the rule of a turn says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) when: &'static str,
    pub(super) evidence: &'static str,
}

/// Engines that watch.
pub(super) struct Ours {
    clock: SharedClock,
    consoles: Vec<(String, Console)>,
}

impl Ours {
    /// Opens a rollout for each tenant, in a store in `folder`. Sources are at `metrics`, unless calls are pushed.
    pub(super) async fn open(
        clock: &SharedClock,
        folder: &Path,
        tenants: &[String],
        rule: Rule,
        metrics: SocketAddr,
        pushed: Option<&Pushed>,
    ) -> Result<Self, String> {
        let desk = Desk::open(folder, clock).await.map_err(|e| e.to_string())?;
        let mut consoles = Vec::new();
        for (place, tenant) in tenants.iter().enumerate() {
            let text = PLAN
                .replace("TENANT", tenant)
                .replace("WHEN", rule.when)
                .replace("EVIDENCE", rule.evidence)
                .replace("METRICS", &metrics.to_string());
            let row = desk.draft(&text, "banco").await.map_err(|e| e.to_string())?;
            let (plan, _) = desk.plan_of(&row).await.map_err(|e| e.to_string())?;
            let connections = Connections::of_environment(&plan, Some(folder.join("kubeconfig")));
            let connections = match pushed {
                Some(pushed) => connections.pushed(pushed, &row.id),
                None => connections,
            };
            // Each reads at another moment of the second.
            sleep(clock.as_ref(), Duration::from_millis(1000 / tenants.len() as u64)).await;
            consoles.push((tenant.clone(), open(&desk, row, connections, place).await?));
        }
        let clock = clock.clone();
        Ok(Self { clock, consoles })
    }

    /// The rollout of each tenant.
    pub(super) fn rollouts(&self) -> Vec<(String, RolloutId)> {
        let of = |(tenant, console): &(String, Console)| (tenant.clone(), console.rollout().clone());
        self.consoles.iter().map(of).collect()
    }

    /// Arms and starts all of them, and waits until each is at its first weight.
    pub(super) async fn roll_out(&self, weights: &Weights) -> Result<(), String> {
        let by = Asker {
            surface: Surface::Terminal,
            person: Person::new("banco").map_err(|e| e.to_string())?,
        };
        let starting = self.consoles.iter().cloned().map(|(tenant, console)| {
            let (clock, weights, by) = (self.clock.clone(), weights.clone(), by.clone());
            spawn(&self.clock, async move {
                start(&clock, &tenant, &console, &weights, &by).await
            })
        });
        for started in starting.collect::<Vec<_>>() {
            started.join().await.map_err(|_| "a start panicked".to_owned())??;
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        for (_, console) in self.consoles {
            console.close().await;
        }
    }
}

/// Arms and starts, and waits for the first weight.
async fn start(
    clock: &SharedClock,
    tenant: &str,
    console: &Console,
    weights: &Weights,
    by: &Asker,
) -> Result<(), String> {
    let mut refused = None;
    let ordered = async {
        // Refused until the signals are fresh.
        for order in [Order::Arm, Order::Start] {
            while let Err(why) = console.order(by, &console.picture().aim(), order.clone()).await {
                refused = Some(why);
                sleep(clock.as_ref(), LOOK).await;
            }
        }
        while weights.weight(tenant) != Some(10) {
            sleep(clock.as_ref(), LOOK).await;
        }
    };
    let started = within(clock.as_ref(), PATIENCE, ordered).await;
    started.map_err(|_| format!("the rollout of {tenant} does not start: {refused:?}"))
}

async fn open(desk: &Desk, row: RolloutRow, connections: Connections, place: usize) -> Result<Console, String> {
    let with = TakeUp {
        writer: Writer::new(&format!("banco-{place}")).map_err(|e| e.to_string())?,
        row,
        connections,
        first_picture: 1,
    };
    Console::take_up(desk, with).await.map_err(|e| e.to_string())
}

/// Hands calls in, as whoever handles calls would.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) url: String,
}

impl Sender {
    /// One call that has just ended.
    pub(super) async fn send(&self, id: &str, canary: bool, failed: bool) -> Result<(), String> {
        let arm = if canary { "canary" } else { "stable" };
        let call = serde_json::json!({"id": id, "arm": arm, "failed": failed, "at": self.client.clock().now()});
        let request = Request::new(Method::POST, &self.url).and_then(|request| request.json(&call));
        let answer = self
            .client
            .send(request.map_err(|e| e.to_string())?)
            .await
            .map_err(|e| e.to_string())?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(format!("{}: {}", answer.status, answer.excerpt())),
        }
    }
}
