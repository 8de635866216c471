//! What the page may ask, one command a question. Each is in the manifest of `build.rs`, granted to a window by its capability,
//! and calls one thing of the console below.

use tauri::ipc::Channel;
use tauri::{AppHandle, State};
use timonel_wire::{About, Batch, Order, Picture, Receipt, Series, WireError};

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
    Ok(Picture::clone(&*shell.desk.console().await?.picture()))
}

/// Batches from now on; the first is everything.
#[tauri::command]
pub(crate) async fn watch(shell: State<'_, Shell>, channel: Channel<Batch>) -> Result<(), WireError> {
    let watch = shell.desk.console().await?.watch();
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
pub(crate) async fn order(shell: State<'_, Shell>, order: Order) -> Result<Receipt, WireError> {
    shell.desk.console().await?.order(&shell.asker, order).await
}

/// The person has seen an alert.
#[tauri::command]
pub(crate) async fn acknowledge(shell: State<'_, Shell>, alert: String, comment: String) -> Result<(), WireError> {
    shell
        .desk
        .console()
        .await?
        .acknowledge(&shell.asker, &alert, &comment)
        .await
}

/// The lines of a chart of so many pixel columns, between two moments in milliseconds since 1970 in UTC.
#[tauri::command]
pub(crate) async fn series(
    shell: State<'_, Shell>,
    metric: String,
    width_px: u32,
    from: i64,
    to: i64,
) -> Result<Vec<Series>, WireError> {
    shell.desk.console().await?.series(&metric, width_px, from, to).await
}

/// The language (BCP 47) that the person chose in the page: the icon and its menu follow.
#[tauri::command]
pub(crate) fn language(app: AppHandle, shell: State<'_, Shell>, tag: String) {
    shell.speak(&app, Language::of([tag]));
}
