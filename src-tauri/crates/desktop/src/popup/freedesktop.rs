//! Popups by the Desktop Notifications Specification: dunst, mako, GNOME, KDE, Xfce and the others.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt;
use futures::stream::Select;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::mailbox::Sender;
use timonel_ports::popup::{
    ActionId, Capabilities, Gone, Heard, Outcome, Popup, PopupError, PopupKey, Shortfall, Urgency,
};
use timonel_ports::task::spawn;
use tokio::sync::oneshot;
use zbus::message::{Header, Type};
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::{LIMIT, LONGEST_BODY, LONGEST_TITLE, PROGRAM, plain};

/// Who shows popups, whatever program that is.
const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const BUS: &str = "org.freedesktop.DBus";
const OWNERS: &str = "NameOwnerChanged";

/// Desks group popups, and find their icon, by the name of the program's entry in the menu.
const ENTRY: &str = "timonel";

/// How long a popup stands, in milliseconds: for ever, as the desk likes, or briefly.
const FOR_EVER: i32 = 0;
const AS_THE_DESK_LIKES: i32 = -1;
const BRIEFLY: i32 = 10_000;

/// Signals that wait while a call is under way.
const WAITING: usize = 64;

/// The connection to the desk, and what stands there.
pub(super) struct Screen {
    clock: SharedClock,
    tell: Sender<Heard>,
    session: Option<Session>,
    standing: BTreeMap<PopupKey, Standing>,
}

struct Session {
    bus: Connection,
    signals: Select<MessageStream, MessageStream>,
    server: Option<Server>,
}

/// The program that shows popups.
#[derive(Clone)]
struct Server {
    /// Its own name on the bus. What others say in its place counts for nothing.
    owner: String,
    capabilities: Capabilities,
    /// It reads markup in bodies.
    markup: bool,
}

struct Standing {
    id: u32,
    actions: Vec<ActionId>,
}

impl Screen {
    pub(super) fn new(clock: SharedClock, tell: Sender<Heard>) -> Self {
        Self {
            clock,
            tell,
            session: None,
            standing: BTreeMap::new(),
        }
    }

    /// Hears one signal. Never ends while there is no connection. Cancel safe.
    pub(super) async fn listen(&mut self) {
        let Some(session) = &mut self.session else {
            return std::future::pending().await;
        };
        match session.signals.next().await {
            Some(Ok(signal)) => self.hear(&signal),
            Some(Err(_)) | None => self.lose_bus(),
        }
    }

    pub(super) async fn capabilities(&mut self) -> Result<Capabilities, PopupError> {
        let clock = self.clock.clone();
        let asked = within(&*clock, LIMIT, self.server()).await;
        asked.unwrap_or(Err(SILENT)).map(|server| server.capabilities)
    }

    pub(super) async fn show(&mut self, popup: &Popup) -> Outcome {
        let clock = self.clock.clone();
        match within(&*clock, LIMIT, self.notify(popup)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::Failed(SILENT),
        }
    }

    pub(super) async fn close(&mut self, key: &PopupKey) {
        // Forgotten first: what the desk says of it from now on is no news.
        let (Some(standing), Some(session)) = (self.standing.remove(key), &self.session) else {
            return;
        };
        let bus = session.bus.clone();
        if within(&*self.clock, LIMIT, take_away(&bus, standing.id)).await.is_err() {
            tracing::debug!("the program that shows popups does not answer: `{key}` may still stand");
        }
    }

    async fn notify(&mut self, popup: &Popup) -> Result<Outcome, PopupError> {
        let server = self.server().await?;
        let Some(session) = &self.session else {
            return Err(PopupError::Ended);
        };
        let replaced = self.standing.get(&popup.key).map_or(0, |standing| standing.id);
        let message = Notify::of(popup, replaced, server.markup);
        let (reply, answer) = oneshot::channel();
        let bus = session.bus.clone();
        // A task of its own: where the answer comes too late, the popup is not left behind with buttons that do nothing.
        drop(spawn(&self.clock, async move {
            let shown = message.send(&bus).await;
            if let Err(Ok(id)) = reply.send(shown) {
                take_away(&bus, id).await;
            }
        }));
        let id = match answer.await {
            Ok(Ok(id)) => id,
            Ok(Err(error)) => return Err(self.said(error)),
            Err(_) => return Err(PopupError::Ended),
        };
        let actions = popup.actions.iter().map(|action| action.id).collect();
        self.standing.insert(popup.key.clone(), Standing { id, actions });
        let missing = server.capabilities.shortfalls.first().copied();
        Ok(match missing.filter(|_| !popup.actions.is_empty()) {
            Some(shortfall) => Outcome::Degraded(shortfall),
            None => Outcome::Shown,
        })
    }

    /// Who shows popups; started by the bus where it can be. Asked once for each that does.
    async fn server(&mut self) -> Result<Server, PopupError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::open().await.map_err(|error| no_bus(&error))?),
        };
        if let Some(server) = &session.server {
            return Ok(server.clone());
        }
        match Server::ask(&session.bus).await {
            Ok(server) => {
                session.server = Some(server.clone());
                Ok(server)
            }
            Err(error) => Err(self.said(error)),
        }
    }

    fn hear(&mut self, signal: &Message) {
        let header = signal.header();
        let is = |name: &str| header.member().is_some_and(|member| member.as_str() == name);
        let Some(server) = self.session.as_ref().and_then(|session| session.server.as_ref()) else {
            return;
        };
        if is(OWNERS) && is_from(&header, BUS) {
            let Ok((_, old, _)) = signal.body().deserialize::<(String, String, String)>() else {
                return;
            };
            if old == server.owner {
                self.lose_server();
            }
            return;
        }
        if !is_from(&header, &server.owner) {
            return;
        }
        if is("ActionInvoked") {
            if let Ok((id, pressed)) = signal.body().deserialize::<(u32, String)>() {
                self.pressed(id, &pressed);
            }
        } else if is("NotificationClosed")
            && let Ok((id, reason)) = signal.body().deserialize::<(u32, u32)>()
            && let Some(key) = self.key_of(id)
        {
            self.standing.remove(&key);
            let why = if reason == 1 { Gone::Expired } else { Gone::Dismissed };
            self.tell.tell(Heard::Gone { key, why });
        }
    }

    fn pressed(&mut self, id: u32, pressed: &str) {
        let Some(key) = self.key_of(id) else { return };
        let known = |standing: &Standing| standing.actions.iter().copied().find(|action| action.0 == pressed);
        // A press on the popup itself, where it has no such action: the desk says next that it is gone.
        let Some(action) = self.standing.get(&key).and_then(known) else {
            return;
        };
        self.standing.remove(&key);
        self.tell.tell(Heard::Pressed { key, action });
        // Some desks leave a popup standing whose button was pressed, and its buttons would do nothing any more.
        if let Some(session) = &self.session {
            let bus = session.bus.clone();
            drop(spawn(&self.clock, async move { take_away(&bus, id).await }));
        }
    }

    fn key_of(&self, id: u32) -> Option<PopupKey> {
        let mut all = self.standing.iter();
        all.find(|(_, standing)| standing.id == id).map(|(key, _)| key.clone())
    }

    /// Says what an error means, and lets go of what it says is gone.
    fn said(&mut self, error: zbus::Error) -> PopupError {
        let (name, said) = match &error {
            zbus::Error::MethodError(name, said, _) => (name, said),
            zbus::Error::InputOutput(_) => {
                self.lose_bus();
                return no_bus(&error);
            }
            _ => {
                let said = error.to_string();
                return PopupError::Refused { said };
            }
        };
        let said = said.clone().unwrap_or_else(|| name.to_string());
        let nobody = ["ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected"];
        let code = name.as_str().rsplit('.').next().unwrap_or_default();
        if nobody.contains(&code) || name.as_str().contains(".Spawn.") {
            self.lose_server();
            return PopupError::NoServer { said };
        }
        PopupError::Refused { said }
    }

    fn lose_server(&mut self) {
        if let Some(session) = &mut self.session {
            session.server = None;
        }
        for key in std::mem::take(&mut self.standing).into_keys() {
            self.tell.tell(Heard::Gone { key, why: Gone::Lost });
        }
    }

    fn lose_bus(&mut self) {
        self.session = None;
        self.lose_server();
    }
}

impl Session {
    async fn open() -> zbus::Result<Self> {
        let bus = Connection::session().await?;
        let signals = |rule: zbus::match_rule::Builder<'static>| {
            let rule = rule.msg_type(Type::Signal).build();
            MessageStream::for_match_rule(rule, &bus, Some(WAITING))
        };
        let own = signals(MatchRule::builder().interface(NAME)?.path(PATH)?).await?;
        let owners = MatchRule::builder().sender(BUS)?.interface(BUS)?.member(OWNERS)?;
        let owners = signals(owners.arg(0, NAME)?).await?;
        let signals = futures::stream::select(own, owners);
        Ok(Self {
            bus,
            signals,
            server: None,
        })
    }
}

impl Server {
    async fn ask(bus: &Connection) -> zbus::Result<Self> {
        let told = call(bus, "GetServerInformation", &()).await?;
        let (server, ..) = told.body().deserialize::<(String, String, String, String)>()?;
        let can = call(bus, "GetCapabilities", &()).await?;
        let owner = can.header().sender().map(ToString::to_string).unwrap_or_default();
        let can: Vec<String> = can.body().deserialize()?;
        let can = |what: &str| can.iter().any(|name| name == what);
        let shortfalls = if can("actions") {
            Vec::new()
        } else {
            vec![Shortfall::NoActions]
        };
        Ok(Self {
            owner,
            capabilities: Capabilities { server, shortfalls },
            markup: can("body-markup"),
        })
    }
}

/// A popup as it goes to the desk.
struct Notify {
    replaces: u32,
    title: String,
    body: String,
    /// Each with its label, alternating.
    actions: Vec<String>,
    urgency: Urgency,
}

impl Notify {
    fn of(popup: &Popup, replaces: u32, markup: bool) -> Self {
        let body = plain(&popup.body, LONGEST_BODY);
        Self {
            replaces,
            title: plain(&popup.title, LONGEST_TITLE),
            body: if markup { escaped(&body) } else { body },
            actions: popup
                .actions
                .iter()
                .flat_map(|action| [action.id.0.to_owned(), action.label.clone()])
                .collect(),
            urgency: popup.urgency,
        }
    }

    async fn send(self, bus: &Connection) -> zbus::Result<u32> {
        let (urgency, stands) = match self.urgency {
            Urgency::Low => (0u8, BRIEFLY),
            Urgency::Normal => (1, AS_THE_DESK_LIKES),
            Urgency::Critical => (2, FOR_EVER),
        };
        let mut hints = HashMap::from([("urgency", Value::from(urgency)), ("desktop-entry", Value::from(ENTRY))]);
        if self.urgency == Urgency::Low {
            // Not kept in a list of what was missed.
            hints.insert("transient", Value::from(true));
        }
        let body = (
            PROGRAM,
            self.replaces,
            ENTRY,
            self.title,
            self.body,
            self.actions,
            hints,
            stands,
        );
        call(bus, "Notify", &body).await?.body().deserialize()
    }
}

async fn call(bus: &Connection, method: &str, body: &(impl serde::Serialize + DynamicType)) -> zbus::Result<Message> {
    bus.call_method(Some(NAME), PATH, Some(NAME), method, body).await
}

/// Takes a popup away. That it is gone already is no fault.
async fn take_away(bus: &Connection, id: u32) {
    if let Err(problem) = call(bus, "CloseNotification", &(id,)).await {
        tracing::debug!("a popup was not taken away: {problem}");
    }
}

fn is_from(header: &Header<'_>, name: &str) -> bool {
    header.sender().is_some_and(|sender| sender.as_str() == name)
}

const SILENT: PopupError = PopupError::Silent { limit: LIMIT };

fn no_bus(error: &zbus::Error) -> PopupError {
    PopupError::NoBus {
        said: error.to_string(),
    }
}

/// `text` as a desk that reads markup shows it as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use timonel_ports::popup::Action;

    use super::*;

    fn popup(body: &str) -> Popup {
        Popup {
            key: PopupKey::new("uno"),
            urgency: Urgency::Normal,
            title: "a <b> & c".to_owned(),
            body: body.to_owned(),
            actions: vec![Action {
                id: ActionId("open"),
                label: "Abrir".to_owned(),
            }],
        }
    }

    #[test]
    fn only_a_desk_that_reads_markup_gets_it_escaped_and_never_in_a_title() {
        let said = popup("<b>Telnyx</b> & \"casos\" &amp;");
        let with = Notify::of(&said, 7, true);
        assert_eq!(with.body, "&lt;b&gt;Telnyx&lt;/b&gt; &amp; \"casos\" &amp;amp;");
        assert_eq!(with.title, "a <b> & c");
        assert_eq!(
            (with.replaces, with.actions),
            (7, vec!["open".to_owned(), "Abrir".to_owned()])
        );
        assert_eq!(Notify::of(&said, 0, false).body, said.body);
    }
}
