//! The second host against a real client: who gets in, and that what comes and goes is the console's.

mod keys;
mod limits;

use std::time::Duration;

use clap::Parser;
use futures::{SinkExt, StreamExt};
use timonel_bridge::Speed;
use timonel_bridge::berth::{Berth, Moorings};
use timonel_bridge::console::{Asker, Keys, Surface};
use timonel_bridge::credentials::Credentials;
use timonel_bridge::desk::HelmKeeper;
use timonel_domain::value::Person;
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::task::{Task, spawn};
use timonel_wire::{Aim, Answer, Ask, Order, Question, Receipt, ServerMessage};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::listen::{Limits, listen};
use super::{host, pages::Pages};
use crate::Failure;
use crate::args::{Args, Command};

/// Bytes that no socket's buffers hold.
const LONG: usize = 24 << 20;
/// Connections at a time.
const PLACES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

struct Served {
    _folder: tempfile::TempDir,
    at: String,
    token: String,
    berth: Berth,
    _server: Task<()>,
}

async fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let (pages, store) = (folder.path().join("pages"), folder.path().join("store"));
    std::fs::create_dir_all(&pages).unwrap();
    std::fs::create_dir_all(&store).unwrap();
    std::fs::write(pages.join("index.html"), "<!doctype html><title>Timonel</title>").unwrap();
    std::fs::write(pages.join("long.js"), "/".repeat(LONG)).unwrap();
    let keys = Keys::new(Credentials::of_installation(&store));
    let berth = Berth::new(Moorings {
        home: store,
        store: None,
        helm: HelmKeeper::Store,
        kubeconfig: None,
        program: "navegador",
        keys: keys.clone(),
        speed: Some(Speed::Times(60.0)),
        virtual_operator: false,
    });
    berth.begin(None).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let asker = Asker {
        surface: Surface::Browser,
        person: Person::new("guardia").unwrap(),
    };
    let (router, address) = host(&listener, berth.clone(), keys, asker, Pages::of(&pages).unwrap()).unwrap();
    let (at, token) = address.strip_prefix("http://").unwrap().split_once("/#token=").unwrap();
    let (at, token) = (at.to_owned(), token.to_owned());
    let limits = Limits {
        head: Duration::from_secs(1),
        taking: Duration::from_secs(2),
        connections: PLACES,
    };
    let clock = SystemClock::shared();
    let server = spawn(&clock.clone(), listen(listener, router, limits, clock));
    Served {
        _folder: folder,
        at,
        token,
        berth,
        _server: server,
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens the socket with these headers in place of a browser's own; the status where it is refused.
async fn open(at: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{at}/ws{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

async fn say(socket: &mut Socket, id: u64, ask: Question) {
    let text = serde_json::to_string(&Ask { id, ask }).unwrap();
    socket.send(Message::Text(text.into())).await.unwrap();
}

/// The first message that `fits`.
async fn hear<T>(socket: &mut Socket, fits: impl Fn(ServerMessage) -> Option<T>) -> T {
    let clock = SystemClock::shared();
    let waiting = async {
        loop {
            let Message::Text(text) = socket.next().await.unwrap().unwrap() else {
                continue;
            };
            if let Some(found) = fits(serde_json::from_str(&text).unwrap()) {
                return found;
            }
        }
    };
    within(&*clock, PATIENCE, waiting).await.expect("an answer")
}

async fn answer(socket: &mut Socket, number: u64) -> Result<Answer, String> {
    hear(socket, |message| match message {
        ServerMessage::Answer { id, answer } if id == number => Some(Ok(*answer)),
        ServerMessage::Refused { id, error } if id == number => Some(Err(error.0.code)),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_token_and_calls_us_by_our_address_gets_in() {
    let served = served().await;
    let (at, good) = (served.at.as_str(), format!("?token={}", served.token));
    assert_eq!(served.token.len(), 64);
    assert_eq!(open(at, "", &[]).await.err(), Some(401));
    assert_eq!(open(at, "?token=", &[]).await.err(), Some(401));
    assert_eq!(
        open(at, &format!("?token={}", "0".repeat(64)), &[]).await.err(),
        Some(401)
    );
    assert_eq!(
        open(at, &good, &[("origin", "http://evil.example")]).await.err(),
        Some(403)
    );
    assert_eq!(open(at, &good, &[("origin", "null")]).await.err(), Some(403));
    assert_eq!(open(at, &good, &[("host", "evil.example")]).await.err(), Some(403));
    assert!(open(at, &good, &[("origin", &format!("http://{at}"))]).await.is_ok());
    assert!(open(at, &good, &[]).await.is_ok());
    served.berth.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_come_and_an_order_goes_through() {
    let served = served().await;
    let mut socket = open(&served.at, &format!("?token={}", served.token), &[])
        .await
        .unwrap();
    say(&mut socket, 1, Question::About).await;
    let Ok(Answer::About(about)) = answer(&mut socket, 1).await else {
        panic!("no answer about us");
    };
    assert!(!about.read_only);
    say(&mut socket, 2, Question::Watch).await;
    let whole = hear(&mut socket, |message| match message {
        ServerMessage::Batch { batch } => Some(batch),
        ServerMessage::Answer { .. } | ServerMessage::Refused { .. } => None,
    })
    .await;
    assert!(
        whole.sections.rollout.is_some() && whole.sections.emergency.is_some(),
        "the first is everything"
    );

    say(&mut socket, 6, Question::Environments).await;
    let Ok(Answer::Environments(known)) = answer(&mut socket, 6).await else {
        panic!("nothing to open");
    };
    assert!(known.simulated && known.rollouts.is_empty() && known.stays.is_none());
    let aim = Aim {
        rollout: whole.sections.rollout.expect("checked above").id,
        environment: whole.sections.environment.expect("the first is everything").name,
    };
    let order = |order: Order| Question::Order {
        aim: aim.clone(),
        order,
    };
    say(&mut socket, 3, order(Order::SignAll)).await;
    assert_eq!(answer(&mut socket, 3).await, Ok(Answer::Receipt(Receipt::Taken)));
    hear(&mut socket, |message| match message {
        ServerMessage::Batch { batch } => batch
            .sections
            .checklists
            .filter(|lists| lists.iter().all(|l| l.signed_by.as_deref() == Some("guardia"))),
        ServerMessage::Answer { .. } | ServerMessage::Refused { .. } => None,
    })
    .await;
    say(&mut socket, 4, order(Order::Start)).await;
    assert_eq!(answer(&mut socket, 4).await, Err("rejection-stage".to_owned()));
    let mut other = aim.clone();
    other.environment = "produccion".to_owned();
    let press = Order::RollBack { confirmed: false };
    say(
        &mut socket,
        7,
        Question::Order {
            aim: other.clone(),
            order: press,
        },
    )
    .await;
    assert_eq!(answer(&mut socket, 7).await, Err("error-other-rollout".to_owned()));
    let seen = Question::Acknowledge {
        aim: other,
        alert: "0.0".to_owned(),
        comment: String::new(),
    };
    say(&mut socket, 8, seen).await;
    assert_eq!(answer(&mut socket, 8).await, Err("error-other-rollout".to_owned()));
    socket
        .send(Message::Text("{\"id\":5,\"ask\":{\"ask\":\"what\"}}".into()))
        .await
        .unwrap();
    assert_eq!(answer(&mut socket, 5).await, Err("error-not-understood".to_owned()));
    served.berth.close().await;
}

#[tokio::test]
async fn pages_are_served_from_their_folder_and_from_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Pages::of(folder.path()).is_err(), "nothing is built there");
    let built = folder.path().join("dist");
    std::fs::create_dir_all(built.join("assets")).unwrap();
    std::fs::write(built.join("index.html"), "page").unwrap();
    std::fs::write(built.join("assets/a.js"), "code").unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    let pages = Pages::of(&built).unwrap();
    let read = async |path: &str| pages.read(path).await.map(|(kind, bytes)| (kind, bytes.len()));
    assert_eq!(read("/").await, Some(("text/html; charset=utf-8", 4)));
    assert_eq!(read("/assets/a.js").await, Some(("text/javascript; charset=utf-8", 4)));
    for outside in [
        "/../secret",
        "/assets/../../secret",
        "//etc/passwd/../hostname",
        "/none",
        "/assets",
    ] {
        assert_eq!(read(outside).await, None, "{outside}");
    }
}

#[tokio::test]
async fn where_the_port_is_taken_nothing_is_opened() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (pages, home) = (folder.path().join("pages"), folder.path().join("home"));
    std::fs::create_dir_all(&pages).unwrap();
    std::fs::write(pages.join("index.html"), "<!doctype html><title>Timonel</title>").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let [home_arg, pages_arg] = [&home, &pages].map(|path| path.display().to_string());
    let told = [
        "timonelctl",
        "ui-host",
        "--simulator",
        "--port",
        &port,
        "--home",
        &home_arg,
        "--pages",
        &pages_arg,
    ];
    let Command::UiHost(args) = Args::parse_from(told).command else {
        unreachable!("it is what was said")
    };
    let refused = super::serve(args, &crate::words::of_this_desk(Some("en"))).await;
    let Err(Failure::Process(why)) = refused else {
        panic!("it serves: {refused:?}")
    };
    assert_eq!(why.kind(), std::io::ErrorKind::AddrInUse);
    assert!(!home.exists(), "the installation was opened");
}
