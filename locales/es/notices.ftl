# Lo que se dice igual en la ventana, en la terminal, en los avisos del escritorio y en los gráficos: qué pasó, por qué,
# qué detiene y qué falta. Los códigos los pone el programa (wire::told); aquí solo están las frases.

raising = sube { $target } a { $to }
lowering = baja { $target } a { $to }
releasing = suelta la palanca de { $target }; sigue en 0 %
rejected = no se hizo: { $reason }
manual-due = { $target } no confirma. Con cualquiera de estos comandos lo baja usted:
somebody = alguien
frozen = congelado
acknowledged = { $person } reconoció una alerta. { $comment }

side-stable = estable
side-canary = nuevo
side-whole = común
signal-of-side = { $signal } ({ $side })

metric-error-rate = Errores
metric-failed-calls = Llamadas fallidas
metric-response-time = Respuesta
metric-data-query-time = Consulta de datos
metric-abandonment = Abandono
metric-speech-recognition = Reconocimiento
metric-call-duration = Duración
metric-concurrent-calls = Concurrentes
metric-calls = Llamadas
metric-menu-option-share = Opción del menú
metric-breaker-opens = Cortacircuitos
metric-unhandled-exceptions = Excepciones
metric-uptime = Disponibilidad
metric-cpu = CPU
metric-memory = Memoria
metric-network = Red
metric-network-latency = Latencia de red
metric-active-sessions = Sesiones
metric-audio-quality = Calidad de audio
metric-external-errors = Errores externos
metric-ivr-up = IVR responde
metric-telnyx-balance = Saldo de Telnyx

statistic-mean = media
statistic-share = proporción
statistic-total = total
statistic-latest = último
statistic-p50 = p50
statistic-p75 = p75
statistic-p90 = p90
statistic-p95 = p95
statistic-p99 = p99
metric-of = { $metric } ({ $statistic })

rule-lasting = { $metric } { $comparison } { $limit } durante { $lasting }
rule-at-once = { $metric } { $comparison } { $limit }

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
cause-rule = lo pidió la regla «{ $rule }»
cause-evidence = el nuevo es peor que el estable en { $metric }
cause-critical-error = error crítico en datos o integridad
cause-security = incidente de seguridad
cause-resumed = seguía en curso al arrancar
cause-drill = ensayo de { $person }

notice-rule-firing = Límite pasado: { $rule }.
notice-rule-wants-rollback = Límite pasado: { $rule }. La regla pide revertir y no puede hacerlo sola: decida usted.
notice-rule-lacks-proof = Límite pasado: { $rule }. La regla pide revertir, pero aún no está probado que el fallo sea del sistema nuevo: decida usted.
notice-rule-resolved = Ya no se cumple: { $rule }.
notice-worse = El nuevo va peor que el estable en { $metric }: { $canary } frente a { $stable }. No se avanza.
notice-worse-rollback = El nuevo es peor que el estable en { $metric }: { $canary } frente a { $stable }.
notice-worse-than-before = El nuevo va peor en { $metric } de lo que iba el estable: { $canary }. No se avanza.
notice-worse-than-before-rollback = El nuevo es peor en { $metric } de lo que era el estable: { $canary }.
notice-common = Falla lo que ambos sistemas comparten: { $rule }. Revertir no lo cura; se puede revertir igual.
notice-unrouted = No llega ninguna llamada al sistema nuevo, aunque su peso está puesto. Revise el reparto.
notice-journal-broken = La bitácora no es lo que se escribió: { $detail }. No se avanza. Guarde una copia antes de tocar nada; se puede revertir igual.
notice-skewed = Las llamadas no se reparten como dice el peso: está en { $weight } y al nuevo van { $canary }. No es azar; no se avanza. Revise el reparto.
units-bad-of = { $bad } de { $total }
notice-signals-lost = Sin datos de { $signals }. No se avanza hasta que vuelvan.
notice-signals-back = Vuelven los datos.
notice-gap = Nadie vigiló desde { $from }.
notice-mended = La base de datos estaba dañada. Se apartó sin borrar nada y se hizo otra con lo que se pudo comprobar: { $entries } entradas de la bitácora{ $missing ->
    [0] .
   *[other] ; faltan al menos { $missing }.
} Lo último puede faltar sin dejar rastro, y las lecturas y los resultados empiezan de nuevo: mire los pesos reales antes de seguir.
notice-mended-armed = { $mended } Lo que queda dice que aún es un borrador, y aun así puede haber llamadas en el lado nuevo: se da por armado, para que se pueda revertir. Nada sube.
notice-gap-for = Nadie vigiló durante { $for } como mucho, desde { $from }. Mire cómo va antes de seguir.
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
notice-levered = { $target }: la palanca está puesta y lee bien: las llamadas nuevas van al estable. Ahora se devuelven los números.
notice-not-cleaned-up = { $target }: la palanca manda las llamadas nuevas al estable, pero los números no acaban de volver. Hace falta una persona.
notice-pinned = Las llamadas de { $tenant } se quedan en el estable. El despliegue sigue.
notice-unpinned = { $tenant } vuelve a participar desde la próxima subida.
notice-drilled = Ensayo de reversión terminado: { $secs } s desde la orden hasta la última comprobación.
notice-rollback-started = Se revierte a { $to }: { $cause }.
notice-drill-started = Ensayo de la reversión, de verdad pero al 0 %, pedido por { $person }.
notice-not-read-back = { $target } no confirma la bajada a tiempo. Hace falta una persona.
notice-contrary = { $target } dice que bajó, pero { $units } llamadas nuevas siguen llegando al nuevo. Hace falta una persona.
notice-rollback-verified = Todos los destinos comprobados: las llamadas nuevas van al estable.
notice-drained = No queda ninguna llamada en curso en el nuevo.
notice-drift-below = { $by } bajó { $target } a { $live }. Se respeta y se congela: ¿revertir también los demás?
notice-drift-above = { $by } subió { $target } a { $live }. Se devuelve a su sitio.
notice-drift-persists = Alguien sigue subiendo { $target }. Hace falta una persona.
notice-completed = Completado: todas las llamadas van al nuevo.
notice-store-low = Queda poco sitio para el almacén: { $left } en el disco de { $folder }, y ocupa { $size }. Libere espacio en estos días: la bitácora no se recorta nunca, y con el disco lleno nada sube.
notice-store-critical = Casi no queda sitio para el almacén: { $left } en el disco de { $folder }. Libere espacio ahora. Con el disco lleno nada sube; revertir sigue siendo posible.

store-size = almacén: { $size }
store-size-left = almacén: { $size }; quedan { $left } en su disco
store-parts = bitácora { $journal }, lecturas { $readings }, resultados { $outcomes }, lo demás { $others }; sin usar { $unused }
size-mib = { $n } MiB
size-gib = { $n } GiB

why-target-unreachable = no hay conexión; el cambio pudo hacerse o no
why-target-deadline = no respondió a tiempo; el cambio pudo hacerse o no
why-target-unauthenticated = no acepta nuestras credenciales: ponga una clave o un kubeconfig válidos y vuelva a empezar con ellos
why-target-no-key = falta su clave «{ $said }»: guárdela en Conexiones y se usará sin reiniciar
why-target-key-locked = el llavero con su clave «{ $said }» está bloqueado: desbloquéelo ahora y se usará sin reiniciar.
why-target-forbidden = la clave no tiene ese permiso. Respuesta: «{ $said }»
why-target-missing = no existe allí: compare los identificadores del plan con los suyos. Respuesta: «{ $said }»
why-target-refused = rechazó el cambio; repetirlo no sirve. Respuesta: «{ $said }»
why-target-partly = solo se hizo una parte. Respuesta: «{ $said }»
why-target-unavailable = está, pero ahora no puede. Respuesta: «{ $said }»
why-target-garbled = respondió algo que no es lo esperado; quizá hay un proxy en medio. Respuesta: «{ $said }»
why-target-shape = tal como está, no se puede dejar en ese peso. Motivo: «{ $said }»
why-target-conflict = otro lo cambió en el mismo momento
why-target-throttled = pide ir más despacio
why-target-marked = lleva la marca de una reversión: restablezca el bloqueo antes de subir
why-target-read-back-differs = aceptó el cambio pero no lee lo pedido
why-store-fault = la bitácora no se puede escribir, y sin ella nada sube
why-raise-overtaken = entretanto cambió algo que lo impide

hold-operator = una persona, que lo congeló
hold-alert = una alerta, hasta que una persona la dé por vista
hold-drift = un peso que otro bajó en { $target }, hasta que una persona decida
hold-shift = un cambio que falló en { $target }, hasta que una persona decida
hold-gap = un rato sin vigilancia; se levanta solo
hold-helm-lost = otro motor tiene el mando; se levanta solo
hold-no-evidence = faltan datos; se levanta solo

blocker-no-helm = recuperar el mando, que lo tiene otro motor
blocker-latched = restablecer el bloqueo
blocker-held = soltar lo detenido por { $hold }
blocker-drift = decidir sobre el peso que alguien cambió en { $target }
blocker-silent = que { $target } responda
blocker-freeze-window = que pase la veda: { $reason }
blocker-not-assessed = la primera evaluación
blocker-signals-lost = que vuelvan los datos
blocker-firing = que deje de cumplirse «{ $rule }»
blocker-gate = la condición { $gate }
blocker-bake-time = el tiempo mínimo de la fase
blocker-approvals = la aprobación
blocker-checklist = firmar la lista «{ $checklist }»

rejection-stage = no es posible en la etapa actual
rejection-checks = no pasan estas comprobaciones: { $checks }
rejection-latched = hay un bloqueo por reversión; una persona tiene que restablecerlo con un motivo
rejection-unknown = este plan no tiene nada con ese nombre
rejection-cannot-pin = ningún destino de este plan puede dejar a un solo cliente en el estable: reduzca el peso o reviértalo todo
rejection-no-reason = escriba un motivo
rejection-same-person = hace falta una segunda persona
rejection-not-lower = una reducción tiene que quedar por debajo del peso actual
rejection-stable-kept = el sistema estable se conserva hasta { $until } y hasta entonces aún se puede revertir todo: cierre el despliegue después
rejection-stable-gone = el sistema estable se conservó hasta { $until } y puede que ya no esté; para revertir de todos modos, repita con --confirmed

deed-arm = { $person } mandó armar
deed-start = { $person } dio la salida
deed-sign = { $person } firmó la lista «{ $checklist }»
deed-approve = { $person } aprobó seguir
deed-override = { $person } pidió seguir contra lo que dicen las condiciones: { $reason }
deed-freeze = { $person } congeló: { $reason }
deed-release = { $person } levantó lo detenido por { $hold }: { $reason }
deed-pin = { $person } dejó a { $tenant } en el estable: { $reason }
deed-unpin = { $person } dejó que { $tenant } vuelva a participar: { $reason }
deed-drill = { $person } mandó ensayar la reversión
deed-reset = { $person } restableció el bloqueo: { $reason }
deed-close = { $person } cerró el despliegue

error-lost = la vigilancia se ha parado sola y nadie vigila ahora. Se intenta recuperar sin que haga nada. Para revertir mientras tanto: timonelctl rollback --commands
error-open-busy = ya se está abriendo algo: espere a que termine
error-open-moving = { $rollout } está moviendo o devolviendo llamadas: espere a que acabe para abrirlo de nuevo. Se sigue vigilando
error-open-under-way = { $rollout } está en marcha ({ $stage }) y sin esta ventana nadie lo vigilaría. { $closable ->
    [0] Reviértalo o llévelo a su fin, y ciérrelo; después podrá abrir otra cosa
   *[other] Ciérrelo; después podrá abrir otra cosa
 }
error-open-plan-changed = { $rollout } está en marcha con otro texto de este plan: ábralo, termínelo y ciérrelo antes de empezar con el nuevo
error-open-plan-relative = escriba la ruta entera del plan, como /home/ana/planes/ivr.toml o ~/planes/ivr.toml («{ $path }» no lo es)
error-open-plan-unreadable = el plan { $path } no se puede leer ({ $why }): compruebe la ruta y los permisos
error-open-plan-unsound = el plan { $path } tiene { $errors ->
    [one] 1 error
   *[other] { $errors } errores
 }: léalo en Conexiones › Entornos o con timonelctl plan check, y corríjalo
error-open-plan-broken = el plan no se puede usar: { $why }
error-open-plan-kept = el plan guardado «{ $plan }» no lo entiende esta versión ({ $why }): ábralo con la versión que lo empezó
error-open-unknown-environment = el plan no tiene el entorno «{ $environment }»: tiene { $known }
error-open-unknown-rollout = esta instalación no tiene el despliegue «{ $rollout }»: timonelctl status dice cuáles hay
error-open-unknown = no hay nada que se llame «{ $name }»
error-open-no-key = falta la clave «{ $credential }» de la cuenta { $account }: guárdela en Conexiones, o en la variable { $variable }, y ábralo otra vez. No se ha tocado nada
error-open-key-out-of-reach = la clave «{ $credential }» de la cuenta { $account } no se puede leer ({ $why }): desbloquee su sitio, o póngala en la variable { $variable }, y ábralo otra vez. No se ha tocado nada
error-open-connect = { $what } no se puede conectar ({ $why }): corríjalo y ábralo otra vez. No se ha tocado nada
error-open-target = { $target } no contesta como debe: { $why }. Corríjalo y ábralo otra vez. No se ha tocado nada
error-open-store = la bitácora no se puede leer ({ $why }): compruebe el disco. Para revertir mientras tanto: timonelctl rollback --commands
error-open-helm = el mando lo tiene { $by }: espere a que lo suelte, o a que deje de dar señales unos segundos, y ábralo otra vez. Para revertir no hace falta esperar: timonelctl rollback
error-open-engine = no arranca ({ $why }). Para revertir mientras tanto: timonelctl rollback --commands
error-open-simulator = el simulador no arranca ({ $why }): cierre otros programas y ábralo otra vez
error-open-folder = la carpeta { $place } no se puede usar ({ $why }): libere espacio o permisos y ábralo otra vez
