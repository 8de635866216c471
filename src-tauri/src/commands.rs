//! What the page may ask, one command a question. Each is in the manifest of `build.rs`, granted to a window by its capability,
//! and calls one thing of the console below.

use tauri::ipc::Channel;
use tauri::{AppHandle, State};
use timonel_bridge::console::Keys;
use timonel_wire::{
    About, Aim, Batch, CredentialChange, CredentialTest, Environments, KeepName, Order, Picture, PictureAsk,
    PictureKept, PlanFile, PlanSheet, Power, PowerAsk, Receipt, Series, ToOpen, Typed, Vault, WireError,
};

use crate::pictures;
use crate::shell::{Shell, languages};
use crate::words::Language;

/// What program this is and which languages its user reads: asked of the desktop and not of the web view, because the icon
/// beside the clock must speak the same language as the window. Needs no console, so that the page can say that it opens.
#[tauri::command]
pub(crate) fn about(app: AppHandle, shell: State<'_, Shell>) -> About {
    About {
        version: app.package_info().version.to_string(),
        languages: languages(),
        read_only: shell.asker.surface.is_read_only(),
    }
}

/// Everything now.
#[tauri::command]
pub(crate) async fn picture(shell: State<'_, Shell>) -> Result<Picture, WireError> {
    Ok(Picture::clone(&*shell.berth.console().await?.picture()))
}

/// Batches from now on; the first is everything.
#[tauri::command]
pub(crate) async fn watch(shell: State<'_, Shell>, channel: Channel<Batch>) -> Result<(), WireError> {
    let watch = shell.berth.watch().await?;
    shell.audience.listen(&shell.clock, watch, channel);
    Ok(())
}

/// Whether nobody sees the page: no batches until somebody does.
#[tauri::command]
pub(crate) fn hidden(shell: State<'_, Shell>, hidden: bool) {
    shell.audience.page_is_hidden(hidden);
}

/// The person orders.
#[tauri::command]
pub(crate) async fn order(shell: State<'_, Shell>, aim: Aim, order: Order) -> Result<Receipt, WireError> {
    shell.berth.console().await?.order(&shell.asker, &aim, order).await
}

/// The person has seen an alert.
#[tauri::command]
pub(crate) async fn acknowledge(
    shell: State<'_, Shell>,
    aim: Aim,
    alert: String,
    comment: String,
) -> Result<(), WireError> {
    let console = shell.berth.console().await?;
    console.acknowledge(&shell.asker, &aim, &alert, &comment).await
}

/// What can be opened, and what is. Answered whether or not anything is open.
#[tauri::command]
pub(crate) async fn environments(shell: State<'_, Shell>) -> Result<Environments, WireError> {
    Ok(shell.berth.environments().await)
}

/// What there is to know of a plan file before it is opened.
#[tauri::command]
pub(crate) async fn plan_file(shell: State<'_, Shell>, path: String) -> Result<PlanFile, WireError> {
    shell.berth.plan_file(&shell.asker, &path).await
}

/// The plan of what is open, as it is written.
#[tauri::command]
pub(crate) async fn plan(shell: State<'_, Shell>) -> Result<PlanSheet, WireError> {
    shell.berth.console().await?.plan_sheet().await
}

/// What that plan can show, with so much traffic; phase by phase.
#[tauri::command]
pub(crate) async fn power(shell: State<'_, Shell>, today: PowerAsk) -> Result<Power, WireError> {
    shell.berth.console().await?.power(today).await
}

/// The person opens something else.
#[tauri::command]
pub(crate) async fn open(shell: State<'_, Shell>, open: ToOpen) -> Result<(), WireError> {
    shell.berth.open(&shell.asker, &open).await
}

/// The lines of what a rule looks at, for so many pixel columns, between two moments in milliseconds since 1970 in UTC.
#[tauri::command]
pub(crate) async fn series(
    shell: State<'_, Shell>,
    rule: String,
    width_px: u32,
    from: i64,
    to: i64,
) -> Result<Vec<Series>, WireError> {
    shell.berth.console().await?.series(&rule, width_px, from, to).await
}

/// A picture to send, written into the person's folder of pictures; the page is told where.
#[tauri::command]
pub(crate) async fn picture_file(
    app: AppHandle,
    shell: State<'_, Shell>,
    picture: PictureAsk,
) -> Result<PictureKept, WireError> {
    let drawn = shell.berth.console().await?.picture_file(&picture).await?;
    let path = pictures::keep(&app, &drawn)?;
    Ok(PictureKept::File {
        path: path.display().to_string(),
    })
}

/// Places and credentials, without a secret. Answered whether or not a rollout can be opened.
#[tauri::command]
pub(crate) async fn credentials(shell: State<'_, Shell>, keys: State<'_, Keys>) -> Result<Vault, WireError> {
    keys.vault(&shell.asker).await
}

/// The person has a credential kept. The only command that takes a secret; none gives one back.
#[tauri::command]
pub(crate) async fn credential_put(
    shell: State<'_, Shell>,
    keys: State<'_, Keys>,
    name: String,
    keep: KeepName,
    secret: Typed,
) -> Result<CredentialChange, WireError> {
    keys.put(&shell.asker, &name, keep, secret).await
}

/// The person tries the credential in force at its provider.
#[tauri::command]
pub(crate) async fn credential_test(
    shell: State<'_, Shell>,
    keys: State<'_, Keys>,
    name: String,
) -> Result<CredentialTest, WireError> {
    keys.test(&shell.asker, &name).await
}

/// The person takes a credential away from one place.
#[tauri::command]
pub(crate) async fn credential_delete(
    shell: State<'_, Shell>,
    keys: State<'_, Keys>,
    name: String,
    keep: KeepName,
) -> Result<CredentialChange, WireError> {
    keys.delete(&shell.asker, &name, keep).await
}

/// A test popup at the desk, whose button the person has to press.
#[tauri::command]
pub(crate) async fn popup_test(shell: State<'_, Shell>) -> Result<(), WireError> {
    shell.berth.console().await?.test_popup(&shell.asker).await
}

/// The language (BCP 47) that the person chose in the page: the icon and its menu follow.
#[tauri::command]
pub(crate) fn language(app: AppHandle, shell: State<'_, Shell>, tag: String) {
    shell.speak(&app, Language::of([tag]));
}
