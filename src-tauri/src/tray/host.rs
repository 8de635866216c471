//! Whether a desk can show an icon beside its clock: the library that draws it, and somebody on the bus who shows it.
//!
//! Both are asked before they are used. Without the library the program would be ended the moment it makes an icon; where
//! nobody shows icons, a window that hides instead of closing could not be found again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The libraries that the tray opens at run time, either of them.
const LIBRARIES: [&str; 2] = ["libayatana-appindicator3.so.1", "libappindicator3.so.1"];
/// Where the loader looks without being told.
const FOLDERS: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Whether the library that an icon needs is here, by where the loader would look.
pub(crate) fn library_is_here() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let told = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = std::env::split_paths(&told).chain(FOLDERS.map(PathBuf::from));
    let cache = std::fs::read("/etc/ld.so.cache").unwrap_or_default();
    found(folders, &cache)
}

/// Whether one of the libraries is in `folders`, or named by the loader's `cache` and there.
fn found(folders: impl IntoIterator<Item = PathBuf>, cache: &[u8]) -> bool {
    let mut places = folders
        .into_iter()
        .flat_map(|folder| LIBRARIES.map(|name| folder.join(name)));
    // The cache holds full paths, each ended by a zero byte.
    let mut cached = cache.split(|byte| *byte == 0).filter_map(|text| {
        let path = Path::new(std::str::from_utf8(text).ok()?);
        let ours = path.is_absolute()
            && path
                .file_name()
                .is_some_and(|name| LIBRARIES.iter().any(|ours| name == *ours));
        ours.then(|| path.to_owned())
    });
    places.any(|place| place.is_file()) || cached.any(|place| place.is_file())
}

/// Whether somebody shows icons at this moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Host(Arc<AtomicBool>);

impl Host {
    /// Somebody does, where it cannot be asked: macOS and Windows always do.
    pub(crate) fn unasked() -> Self {
        Self(Arc::new(AtomicBool::new(!cfg!(target_os = "linux"))))
    }

    /// Whether an icon would be seen.
    pub(crate) fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Keeps itself told by the session bus until that goes away; `gone` is called each time nobody shows icons any more.
    #[cfg(target_os = "linux")]
    pub(crate) async fn follow(self, gone: impl Fn() + Send) {
        if let Err(problem) = self.ask(&gone).await {
            tracing::info!("no icon beside the clock, so closing the window ends the program: {problem}");
        }
        if self.0.swap(false, Ordering::Relaxed) {
            gone();
        }
    }

    #[cfg(target_os = "linux")]
    async fn ask(&self, gone: &(impl Fn() + Send)) -> zbus::Result<()> {
        use futures::StreamExt;

        /// Who takes icons in, by the name that every desk uses for it.
        const WATCHER: &str = "org.kde.StatusNotifierWatcher";
        let bus = zbus::Connection::session().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?;
        // Listening begins before the question, so that nobody can come in between.
        let mut changes = names.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
        let there = names.name_has_owner(WATCHER.try_into()?).await?;
        self.0.store(there, Ordering::Relaxed);
        while let Some(change) = changes.next().await {
            let there = change.args()?.new_owner().is_some();
            if self.0.swap(there, Ordering::Relaxed) && !there {
                gone();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{LIBRARIES, found};

    #[test]
    fn the_library_is_found_in_a_folder_and_through_the_cache() {
        let folder = std::env::temp_dir().join(format!("timonel-tray-{}", std::process::id()));
        let file = folder.join(LIBRARIES[0]);
        let cache = format!(
            "glibc-ld.so.cache1.1\0{}\0{}\0/lib/libother.so.1\0",
            LIBRARIES[0],
            file.display()
        );
        let without = [PathBuf::from("/nonexistent")];
        assert!(
            !found(without.clone(), cache.as_bytes()),
            "named by the cache and not there any more"
        );
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&file, "").unwrap();
        assert!(found(without.clone(), cache.as_bytes()));
        assert!(found([folder.clone()], b""));
        assert!(
            !found(without, b"libayatana-appindicator3.so.1\0"),
            "a name is no place"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
