# The icon beside the clock and its menu. Every text stands alone: some desks show no tooltips, some read menus aloud.

tray-simulated = SIMULADOR
tray-state = { $environment } · { $rollout } · { $weight } · { $state }
tray-state-lost = Timonel no sabe cómo está el despliegue
tray-calm = en orden
tray-held = detenido
tray-alarm = alarma
tray-back = todo en estable
tray-late = sin datos al día
tray-alerts = { $count ->
    [one] { $shown } alerta sin reconocer
   *[other] { $shown } alertas sin reconocer
 }
tray-open = Abrir Timonel
tray-roll-back = Revertir { $rollout } a 0 % ({ $environment })
tray-quit = Salir de Timonel
