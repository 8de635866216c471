# The icon beside the clock and its menu. Every text stands alone: some desks show no tooltips, some read menus aloud.

tray-simulated = SIMULATOR
tray-state = { $environment } · { $rollout } · { $weight } · { $state }
tray-state-lost = Timonel does not know how the rollout stands
tray-calm = in order
tray-held = held
tray-alarm = alarm
tray-back = everything on stable
tray-late = data not up to date
tray-alerts = { $count ->
    [one] { $shown } alert not acknowledged
   *[other] { $shown } alerts not acknowledged
 }
tray-open = Open Timonel
tray-roll-back = Roll back { $rollout } to 0 % ({ $environment })
tray-quit = Quit Timonel
