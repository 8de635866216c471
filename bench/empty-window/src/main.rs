//! A window with one word in it: what any program of these libraries takes to start, and the memory that it has.
//!
//! Deliberately not here: anything of Timonel. The settings of its window are the same in tauri.conf.json.

fn main() -> tauri::Result<()> {
    tauri::Builder::default().run(tauri::generate_context!())
}
