# Los avisos del escritorio. Lo que pasó lo dicen las frases de notices.ftl; aquí está lo que va alrededor. Se leen de reojo:
# primero lo grave, después dónde.

popup-simulated = SIMULADOR
popup-title-critical = ▲ Crítica · { $environment } · { $rollout }
popup-title-high = ◆ Alta · { $environment } · { $rollout }
popup-title-medium = ● Aviso · { $environment } · { $rollout }
popup-title-resolved = ✓ Resuelta · { $environment } · { $rollout }
popup-title-more = Más alertas · { $environment } · { $rollout }
popup-title-program = ▲ Timonel · { $environment }
popup-title-test = Prueba de Timonel · { $environment }

popup-several = { $alert } { $count ->
    [one] ({ $shown } alerta)
   *[other] ({ $shown } alertas, esta es la última)
 }
popup-resolved = Ya pasó: { $alert }
popup-more = { $count ->
    [one] { $shown } alerta más sin reconocer. Ábrala en Timonel.
   *[other] { $shown } alertas más sin reconocer. Ábralas en Timonel.
 }
popup-page-lost = La ventana dejó de responder y se abre otra vez. Se sigue vigilando. Para revertir ya: el menú del icono junto al reloj, o timonelctl rollback.
popup-test = Si lee esto, pulse el botón: así queda probado que los avisos se ven en este escritorio.

popup-acknowledge = Reconocer
popup-open = Abrir
popup-seen = Lo veo
