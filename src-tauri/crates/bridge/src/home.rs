//! Where an installation is: the one folder that the window and the terminal share. Touches nothing.

use std::path::PathBuf;

/// `$TIMONEL_HOME`, else `timonel` among the person's data (`$XDG_DATA_HOME`, else `~/.local/share`), else in the present folder.
pub fn folder() -> PathBuf {
    let of = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    of("TIMONEL_HOME").unwrap_or_else(|| {
        let data = of("XDG_DATA_HOME").or_else(|| of("HOME").map(|home| home.join(".local/share")));
        data.unwrap_or_else(|| PathBuf::from(".")).join("timonel")
    })
}
