# The window of the desktop program.

window-purpose = Move your calls from the old voice system to the new one a little at a time, and put every call back on the old one at once if something goes wrong.
window-version = Version { $version }
window-console-later = The console will open in this window with a later release.
window-terminal-today = Today Timonel works in the terminal. To rehearse a rollout that goes wrong, without touching any real system, type in the project's folder:
window-no-answer = The window could not ask the program ({ $reason }). Close it and open Timonel again; nothing that runs in the terminal depends on it.
