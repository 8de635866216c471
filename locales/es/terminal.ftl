# What timonelctl says in the terminal.

plan-good = Plan { $plan }: { $phases } fases, { $targets } destinos, { $rules } reglas. Se puede usar.
rehearsal-title = Ensayo en el simulador: { $title }
progress = { $elapsed } · { $stage } · aceptado { $accepted } · observado { $observed }
raising = sube { $target } a { $to }
lowering = baja { $target } a { $to }
rejected = no se hizo: { $reason }
manual-due = { $target } no confirma. Con cualquiera de estos comandos lo baja usted:
somebody = alguien
frozen = congelado

side-stable = estable
side-canary = nuevo
side-whole = común

stage-draft = sin armar
stage-armed = armado
stage-shifting = moviendo a { $phase }
stage-baking = { $phase }, cumpliendo su tiempo
stage-deciding = { $phase }, decidiendo
stage-awaiting-approval = { $phase }, espera aprobación
stage-rolling-back = revirtiendo
stage-rolled-back = revertido, bloqueado hasta que una persona lo restablezca
stage-completed = completado
stage-closed = cerrado

cause-person = lo pidió { $person }
cause-rule = lo pidió la regla { $rule }
cause-critical-error = error crítico en datos o integridad
cause-security = incidente de seguridad
cause-resumed = seguía en curso al arrancar
cause-drill = ensayo de { $person }

notice-rule-firing = La regla { $rule } se cumple.
notice-rule-wants-rollback = La regla { $rule } pide revertir y no puede hacerlo sola: decida usted.
notice-rule-resolved = La regla { $rule } ya no se cumple.
notice-signals-lost = Sin datos de { $signals }. No se avanza hasta que vuelvan.
notice-signals-back = Vuelven los datos.
notice-gap = Nadie vigiló desde { $from }.
notice-critical-error = Error crítico en datos o integridad.
notice-security = Incidente de seguridad.
notice-phase-entered = Fase { $phase }: en marcha y comprobada.
notice-awaiting-approval = La fase { $phase } espera aprobación para seguir.
notice-target-silent = { $target } no responde: ahora mismo no se podría revertir allí. Tenga a mano los comandos.
notice-target-unread = { $target } no se puede leer ({ $why }): ahora mismo no se podría revertir allí. Tenga a mano los comandos.
notice-target-answers = { $target } vuelve a responder.
notice-shift-failed = No se pudo mover { $target } ({ $why }). Se devuelve lo ya movido; decide una persona.
notice-lower-failed = { $target } no bajó al primer intento ({ $why }). Se sigue intentando.
notice-reaches = A { $target } se le pidió { $asked } y puede { $weight }.
notice-reaches-members = A { $target } se le pidió { $asked } y puede { $weight }: { $canary } de { $all } números.
notice-levered = { $target }: las llamadas nuevas ya no llegan al nuevo. Se sigue limpiando.
notice-not-cleaned-up = { $target }: las llamadas nuevas no llegan al nuevo, pero la limpieza no termina. Hace falta una persona.
notice-pinned = Las llamadas de { $tenant } se quedan en el estable. El despliegue sigue.
notice-unpinned = { $tenant } vuelve a participar desde la próxima subida.
notice-drilled = Ensayo de reversión terminado: { $secs } s desde la orden hasta la última comprobación.
notice-rollback-started = Se revierte a { $to }: { $cause }.
notice-not-read-back = { $target } no confirma la bajada a tiempo. Hace falta una persona.
notice-contrary = { $target } dice que bajó, pero { $units } llamadas nuevas siguen llegando al nuevo. Hace falta una persona.
notice-rollback-verified = Todos los destinos comprobados: las llamadas nuevas van al estable.
notice-drained = No queda ninguna llamada en curso en el nuevo.
notice-drift-below = { $by } bajó { $target } a { $live }. Se respeta y se congela: ¿revertir también los demás?
notice-drift-above = { $by } subió { $target } a { $live }. Se devuelve a su sitio.
notice-drift-persists = Alguien sigue subiendo { $target }. Hace falta una persona.
notice-completed = Completado: todas las llamadas van al nuevo.

why-target-unreachable = no hay conexión; el cambio pudo hacerse o no
why-target-deadline = no respondió a tiempo; el cambio pudo hacerse o no
why-target-unauthenticated = no acepta nuestras credenciales: renuévelas
why-target-conflict = otro lo cambió en el mismo momento
why-target-throttled = pide ir más despacio
why-target-marked = lleva la marca de una reversión: restablezca el bloqueo antes de subir
why-target-read-back-differs = aceptó el cambio pero no lee lo pedido
why-store-fault = la bitácora no se puede escribir, y sin ella nada sube
why-raise-overtaken = entretanto cambió algo que lo impide

outcome-rolled-back = Revertido. Duración del ensayo: { $elapsed }.
outcome-completed = Completado. Duración del ensayo: { $elapsed }.
outcome-frozen = Congelado, espera a una persona o a que vuelvan los datos. Duración del ensayo: { $elapsed }.
verified = comprobado
not-verified = SIN COMPROBAR
summary-target = { $target }: pedido { $requested } · aceptado { $accepted } · observado { $observed } · { $verified }
summary-escalated = Se llamó a una persona.
time-breach = empezó a fallar  { $at }  { $since }
time-decided = se decidió       { $at }  { $since }
time-accepted = se aceptó        { $at }  { $since }
time-verified = se comprobó      { $at }  { $since }
time-drained = se vació         { $at }  { $since }

rollback-unseen = Los destinos leen lo pedido, pero el tráfico todavía no lo ha mostrado: compruébelo con una llamada.

status-none = No hay despliegues en { $folder }.
status-rollout = { $rollout } ({ $environment }): { $stage }
status-target = { $target }: aceptado { $accepted } · leído { $read }
status-differing = ▲ La bitácora no reproduce lo que se registró: el plan o el programa no son los de entonces. Fíese de los pesos reales.
status-pin = { $tenant } se queda en el estable
status-hold = detenido por { $hold }

doctor-simulator = El entorno del plan es el simulador: no hay destinos reales que comprobar. Elija otro con --environment.
doctor-good = Todo en orden.
doctor-bad = Hay algo que arreglar: mire las líneas con ✗.

hold-operator = una persona, que lo congeló
hold-alert = una alerta, hasta que una persona la dé por vista
hold-drift = un peso que otro bajó en { $target }, hasta que una persona decida
hold-shift = un cambio que falló en { $target }, hasta que una persona decida
hold-gap = un rato sin vigilancia; se levanta solo
hold-helm-lost = otro motor tiene el mando; se levanta solo
hold-no-evidence = faltan datos; se levanta solo

rejection-stage = no es posible en la etapa actual
rejection-checks = no pasan estas comprobaciones: { $checks }
rejection-latched = hay un bloqueo por reversión; una persona tiene que restablecerlo con un motivo
rejection-unknown = este plan no tiene nada con ese nombre
rejection-cannot-pin = ningún destino de este plan puede dejar a un solo cliente en el estable: reduzca el peso o reviértalo todo
rejection-no-reason = escriba un motivo
rejection-same-person = hace falta una segunda persona
rejection-not-lower = una reducción tiene que quedar por debajo del peso actual
rejection-stable-gone = el sistema estable se conservó hasta { $until } y puede que ya no esté; para revertir de todos modos, repita con --confirmed
