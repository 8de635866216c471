//! A simulated account, and the control plane of the contract made of it: a hundred numbers with as many calls each, so that
//! each is one percent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TargetId, TenantId, Weight};
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::kit::Memory;
use timonel_ports::target::Target;
use timonel_simulator::telnyx::book::Book;
use timonel_simulator::telnyx::{
    ApplicationSetup, Fault as Trouble, JobPace, Limits, NumberSetup, Scope, Setup, Telnyx,
};
use timonel_simulator::time::VirtualClock;
use timonel_telnyx::api::ConnectionId;
use timonel_telnyx::number_share::{NumberShare, Spec};
use timonel_testkit::process::Prism;
use timonel_testkit::target::{Fault, Harness, Shell};

use super::front::Front;
use super::{KEY, account};

pub(super) const STABLE: &str = "2150000000000000001";
pub(super) const CANARY: &str = "2150000000000000002";
const OLD: &str = "https://ivr.example.com/voice";
pub(super) const NEW: &str = "https://ivr-texml.example.com/voice";
const NUMBERS: usize = 100;
/// How many of them are the tenant's.
const OF_TENANT: usize = 10;

fn e164(at: usize) -> String {
    format!("+34910000{at:03}")
}

/// Its id as Telnyx gives it.
pub(super) fn number_id(at: usize) -> String {
    format!("1850000000000000{at:03}")
}

/// Two applications in which everything differs that a lever touches, and `weight` percent of the numbers on the canary.
pub(super) fn setup(weight: Weight) -> Setup {
    let application = |id: &str, name: &str, url: &str, limit: u32| ApplicationSetup {
        voice_fallback_url: Some(format!("{url}/fallback")),
        status_callback: Some(format!("{url}/status")),
        channel_limit: Some(limit),
        tags: vec![name.to_owned()],
        ..ApplicationSetup::new(id, name, url)
    };
    let percent = usize::from(weight.hundredths() / 100);
    let number = |at: usize| NumberSetup {
        id: number_id(at),
        e164: e164(at),
        // In no order that an adapter could have chosen.
        connection_id: if at * 37 % NUMBERS < percent { CANARY } else { STABLE }.to_owned(),
        tags: vec!["ivr".to_owned()],
    };
    let mut canary = application(CANARY, "ivr-texml", NEW, 20);
    canary.voice_method = "get".to_owned();
    Setup {
        stable: application(STABLE, "ivr", OLD, 50),
        canary,
        others: Vec::new(),
        numbers: (0..NUMBERS).map(number).collect(),
        limits: Limits::default(),
        latency: Duration::from_millis(60),
        jobs: JobPace::default(),
        // The contract looks at the live weight as soon as the API shows it.
        propagation: Duration::ZERO,
        balance: 30_000,
    }
}

/// A finished call to each number, as detail records tell it.
#[derive(Debug)]
pub(super) struct OneCallEach;

impl Book for OneCallEach {
    fn answer(&self, path: &str, query: &[(String, String)], now: Timestamp) -> Option<Result<Value, (u16, Value)>> {
        if path != "/v2/detail_records" {
            return None;
        }
        let asked = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let number: usize = asked("page[number]").map_or(1, |text| text.parse().unwrap());
        let size: usize = asked("page[size]").map_or(20, |text| text.parse().unwrap());
        let at = (now - Duration::from_secs(3600)).to_string();
        let record = |at_number: usize| {
            json!({
                "record_type": asked("filter[record_type]"), "cld": e164(at_number), "cli": "+34600000001",
                "direction": "inbound", "connection_id": STABLE, "created_at": at, "started_at": at, "finished_at": at,
            })
        };
        let data: Vec<Value> = (0..NUMBERS).skip((number - 1) * size).take(size).map(record).collect();
        let pages = NUMBERS.div_ceil(size);
        let meta = json!({"page_number": number, "page_size": size, "total_pages": pages, "total_results": NUMBERS});
        Some(Ok(json!({"data": data, "meta": meta})))
    }
}

/// The control plane of the contract, asked directly or through a Prism that stands before it.
pub(super) struct Simulated {
    clock: VirtualClock,
    front: Front,
    prism: Option<Prism>,
    telnyx: Option<Telnyx>,
    /// How long the account has asked everybody to wait.
    throttled: Duration,
}

impl Simulated {
    /// Asked directly.
    pub(super) fn directly(clock: VirtualClock, front: Front) -> Self {
        Self {
            clock,
            front,
            prism: None,
            telnyx: None,
            throttled: Duration::ZERO,
        }
    }

    /// Asked through `prism`, whose upstream is `front`.
    pub(super) fn through(prism: Prism, clock: VirtualClock, front: Front) -> Self {
        Self {
            prism: Some(prism),
            ..Self::directly(clock, front)
        }
    }

    /// What Prism found against the contract. `whoami` is not in it, and we live without; and where nobody waits for an answer
    /// any more, its connection may end without one.
    pub(super) fn breaches(&self) -> Vec<String> {
        let mut breaches = self.prism.as_ref().map(Prism::breaches).unwrap_or_default();
        breaches.retain(|line| !line.contains("get /v2/whoami ") && !line.contains("FetchError"));
        breaches
    }

    /// In the portal somebody takes away where the application tells how calls go on.
    pub(super) fn without_status_callback(&self, application: &str) {
        let nothing = json!({"status_callback": null});
        self.telnyx().patch_application_as("ana", application, nothing).unwrap();
    }

    fn base(&self) -> String {
        self.prism
            .as_ref()
            .map_or_else(|| self.front.url().to_owned(), Prism::url)
    }

    fn telnyx(&self) -> &Telnyx {
        self.telnyx
            .as_ref()
            .expect("every case starts with a fresh control plane")
    }

    fn set(&self, scope: Scope, trouble: Trouble) {
        self.telnyx().faults().set(scope, trouble);
    }

    /// Why this fault cannot be played through Prism.
    fn in_the_way(&self, fault: Fault) -> Option<&'static str> {
        self.prism.as_ref()?;
        match fault {
            Fault::Reset => Some("Prism answers 500 where its upstream hangs up"),
            Fault::Html => Some("Prism answers 500 in place of what is not JSON"),
            Fault::ServerError => Some("500 is not documented for TeXML applications"),
            Fault::WritesDown => Some("503 is not documented for TeXML applications"),
            Fault::Hang
            | Fault::AnswerLost
            | Fault::Unauthenticated
            | Fault::Forbidden
            | Fault::Missing
            | Fault::Throttled { .. }
            | Fault::Refuses
            | Fault::Partial => None,
        }
    }
}

#[async_trait]
impl Harness for Simulated {
    fn clock(&self) -> SharedClock {
        self.clock.shared()
    }

    async fn fresh(&mut self, weight: Weight) -> Arc<dyn Target> {
        let telnyx = Telnyx::new(self.clock.clone(), 7, KEY, setup(weight), Arc::new(OneCallEach));
        self.front.put(telnyx.router());
        self.telnyx = Some(telnyx);
        let account = account(self.clock.shared(), &self.base());
        Arc::new(NumberShare::new(spec(), account, Arc::new(Memory::default())))
    }

    async fn inject(&mut self, fault: Fault) -> bool {
        if let Some(reason) = self.in_the_way(fault) {
            println!("not through Prism: {fault:?}: {reason}");
            return false;
        }
        match fault {
            Fault::Hang => self.set(Scope::All, Trouble::BlackHole),
            Fault::Reset => self.set(Scope::All, Trouble::Reset),
            Fault::AnswerLost => self.set(Scope::All, Trouble::AnswerLost),
            Fault::Unauthenticated => self.set(Scope::All, Trouble::Unauthorized),
            // Elsewhere 403 is not documented; both ways begin with an application.
            Fault::Forbidden => self.set(Scope::Path("/v2/texml_applications".into()), Trouble::Forbidden),
            Fault::Missing => self.telnyx().delete_application(CANARY).unwrap(),
            Fault::Throttled { retry_after } => {
                self.throttled = retry_after.unwrap_or_default();
                self.set(Scope::All, Trouble::TooManyRequests { retry_after });
            }
            Fault::ServerError => self.set(Scope::All, Trouble::InternalError),
            Fault::Html => self.set(Scope::All, Trouble::Html),
            Fault::Refuses => self.set(Scope::All, Trouble::RefusesWrites),
            Fault::WritesDown => self.set(Scope::All, Trouble::WritesDown),
            Fault::Partial => self.set(
                Scope::All,
                Trouble::JobFailures {
                    share: 0.3,
                    towards: None,
                },
            ),
        }
        true
    }

    async fn heal(&mut self) {
        if let Some(telnyx) = &self.telnyx {
            telnyx.faults().clear_all();
        }
        // A limit is over when it said that it would be, and our account's client takes its word.
        sleep(&self.clock, std::mem::take(&mut self.throttled)).await;
    }

    async fn live(&mut self) -> Weight {
        self.telnyx().share_in_force(|_| 1)
    }

    /// In the portal: numbers are moved, and where the lever is pulled somebody gives the canary its own address back.
    async fn write_as(&mut self, who: &str, weight: Weight) {
        let telnyx = self.telnyx();
        if weight > Weight::ZERO && telnyx.url_in_force(CANARY).as_deref() != Some(NEW) {
            telnyx
                .patch_application_as(who, CANARY, json!({"voice_url": NEW}))
                .unwrap();
        }
        let there: BTreeSet<String> = telnyx.on_canary().into_iter().collect();
        let wanted = usize::from(weight.hundredths() / 100);
        let others = (0..NUMBERS).map(e164).filter(|number| !there.contains(number));
        let joining: Vec<String> = others.take(wanted.saturating_sub(there.len())).collect();
        let leaving: Vec<String> = there.iter().take(there.len().saturating_sub(wanted)).cloned().collect();
        for (numbers, connection) in [(joining, CANARY), (leaving, STABLE)] {
            let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
            telnyx.move_as(who, &numbers, connection).unwrap();
        }
    }

    fn known_as(&self, who: &str) -> Option<String> {
        Some(format!("organization_member {}", self.telnyx().user_id(who)))
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(tenant())
    }

    async fn reaches_canary(&mut self, tenant: &TenantId) -> bool {
        let numbers = &spec().tenants[tenant];
        let url = |number: &String| self.telnyx().routed(number).and_then(|routed| routed.voice_url);
        numbers.iter().any(|number| url(number).as_deref() == Some(NEW))
    }

    async fn shell(&mut self, program: &str) -> Option<Shell> {
        if let Some(missing) = program.split(", ").find(|program| !is_on_path(program)) {
            println!("skipped: {missing} is not on the PATH");
            return None;
        }
        let environment = [("TELNYX_API_URL", self.base()), ("TELNYX_API_KEY", KEY.to_owned())];
        Some(Shell {
            environment: environment.map(|(key, value)| (key.to_owned(), value)).into(),
        })
    }
}

pub(super) fn tenant() -> TenantId {
    TenantId::new("ayuntamiento-norte").unwrap()
}

pub(super) fn spec() -> Spec {
    Spec {
        id: TargetId::new("telnyx").unwrap(),
        stable: ConnectionId::new(STABLE),
        canary: ConnectionId::new(CANARY),
        except: BTreeSet::new(),
        tenants: BTreeMap::from([(tenant(), (0..OF_TENANT).map(e164).collect())]),
        salt: "ivr-texml".into(),
        volume_days: 14,
    }
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
