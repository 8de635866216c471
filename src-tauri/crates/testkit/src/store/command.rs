//! The contract of commands that go through a store: submitted once, taken in order by whoever has the helm, and given again
//! until they are answered.

use std::time::Duration;

use timonel_domain::value::{Person, RolloutId};
use timonel_journal::entry::Body;
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::commands::{Command, CommandFeed, CommandId, Commands};
use timonel_ports::helm::{Helm, Take};

use super::{at, writer};

/// Long enough for whatever would come.
const MOMENT: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(60);

/// The command `id`.
pub fn command(id: &str) -> Command {
    Command {
        id: CommandId::new(id).expect("an id"),
        by: Person::new("ana").expect("a person"),
        at: at(1),
        what: Body::of(&format!("what {id} says: ñ")).expect("JSON"),
    }
}

/// `mine` is the feed of `desk-1`, `theirs` that of `desk-2`.
pub async fn commands(
    helm: &dyn Helm,
    of: &RolloutId,
    console: &dyn Commands,
    mut mine: impl CommandFeed,
    mut theirs: impl CommandFeed,
) {
    let clock = SystemClock::shared();
    console
        .submit(command("1"))
        .await
        .expect("submitted while nobody is there");
    console.submit(command("1")).await.expect("the same again");
    let nobody = within(&*clock, MOMENT, mine.next()).await;
    assert!(nobody.is_err(), "nobody has the helm: {nobody:?}");
    let epoch = helm.take(of, &writer(1), Take::Free).await.expect("free");
    console.submit(command("2")).await.expect("submitted");
    let others = within(&*clock, MOMENT, theirs.next()).await;
    assert!(others.is_err(), "another has the helm: {others:?}");
    let next = async |feed: &mut dyn CommandFeed| {
        let taken = within(&*clock, LONG, feed.next()).await.expect("in time");
        let taken = taken.expect("a command");
        assert!(taken.waited < LONG, "by the store's clock: {:?}", taken.waited);
        taken.command
    };
    assert_eq!(
        next(&mut mine).await,
        command("1"),
        "in the order of submission, as it was"
    );
    let again = within(&*clock, MOMENT, async {
        let second = mine.next().await.expect("the store").command;
        assert_eq!(second, command("2"), "an engine is given each once");
        mine.next().await
    });
    let again = again.await;
    assert!(again.is_err(), "nothing else waits: {again:?}");
    mine.answered(&command("1").id).await.expect("it is in the journal");
    mine.answered(&CommandId::new("other-way").expect("an id"))
        .await
        .expect("one that came another way");
    helm.release(of, &writer(1), epoch).await.expect("let go");
    helm.take(of, &writer(2), Take::Free).await.expect("free");
    let lost = within(&*clock, MOMENT, mine.next()).await;
    assert!(lost.is_err(), "the helm is lost: {lost:?}");
    mine.answered(&command("2").id).await.expect("of no effect");
    assert_eq!(
        next(&mut theirs).await,
        command("2"),
        "what was answered is not given again; what was answered without the helm is"
    );
    theirs.answered(&command("2").id).await.expect("answered");
    console.submit(command("1")).await.expect("once more");
    let again = within(&*clock, MOMENT, theirs.next()).await;
    assert!(again.is_err(), "it was answered: {again:?}");
    // Who waits is woken.
    let (taken, submitted) = futures::future::join(next(&mut theirs), async {
        for n in 3..6 {
            console.submit(command(&n.to_string())).await?;
        }
        Ok::<_, timonel_ports::commands::CommandError>(())
    })
    .await;
    submitted.expect("submitted");
    assert_eq!(taken, command("3"));
    assert_eq!(
        [next(&mut theirs).await, next(&mut theirs).await],
        [command("4"), command("5")]
    );
}
