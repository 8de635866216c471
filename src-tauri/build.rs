//! Embeds the window's page and writes down which commands exist, so that a capability has to name each one it allows.

/// Every command of src-tauri/src/commands.rs.
const COMMANDS: &[&str] = &[
    "about",
    "picture",
    "watch",
    "hidden",
    "order",
    "acknowledge",
    "environments",
    "plan_file",
    "plan",
    "power",
    "open",
    "series",
    "picture_file",
    "credentials",
    "credential_put",
    "credential_test",
    "credential_delete",
    "popup_test",
    "language",
];

fn main() {
    // A custom capabilities path is not watched by tauri-build, and a new file in ui/dist is not noticed by itself.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=ui/dist");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    if let Err(problem) = tauri_build::try_build(attributes) {
        // Cargo shows what a failed build script printed; the chain says which file is wrong.
        eprintln!("{problem:#}");
        std::process::exit(1);
    }
}
