# What timonelctl says in the terminal.

plan-good = Plan { $plan }: fases: { $phases }, destinos: { $targets }, reglas: { $rules }. Se puede usar.
rehearsal-title = Ensayo en el simulador, nada real se toca: { $title } (horas en UTC)
rehearsal-signals = Señales al armar: de hace cuánto es su último dato, y a qué se debe:
rehearsal-signal = { $signal }: { $ages } ({ $nature })
rehearsal-manual = Esto es un ensayo: no los pegue, tocarían los sistemas reales.
lag = llega con { $lag } de retraso, se lee cada { $interval }
lag-none = llega al momento, se lee cada { $interval }
progress = { $elapsed } · { $stage } · aceptado { $accepted } · observado { $observed }
manual-first = antes, en la misma consola: { $line }
manual-command = { $target }, con { $program }
times-are-utc = Las horas que siguen son UTC.

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
doctor-reads = Se miran los destinos y las señales del plan; las que cuentan algo se leen dos veces, con { $wait } entre ellas.
doctor-signal = último dato de hace { $age } ({ $nature }; sería tarde desde { $late })
doctor-signal-begun = responde; su primer dato aún no ha llegado ({ $nature })
doctor-signal-failed = sin dato: { $why } ({ $nature })
doctor-not-required = El plan no la exige: nada se detiene por ella
doctor-not-yet = Es lo normal mientras el nuevo no reciba llamadas
rollback-without = { $target } no se puede revertir todavía desde aquí; lo demás se revierte ahora. En cuanto su clave esté en el llavero o en el fichero de claves, se usa sin repetir la orden. A mano, sin ella: timonelctl rollback --commands. Detalle: { $said }
order-unwritten = lo hecho está hecho, pero el diario no lo recoge todo todavía: mire si el disco está lleno y repita «timonelctl status» antes de fiarse de él
failure-no-key = no hay clave para la cuenta { $account }: póngala en la variable { $variable } (o en { $instead }) y repita la orden. No se ha tocado nada. Los comandos para revertir a mano no la necesitan: timonelctl rollback --commands
open-draft = { $rollout }: despliegue sin armar en { $environment }, revisión { $revision } de su plan. No se ha conectado ni movido nada.

chart-written = Dibujado en { $file }.
chart-format = no se sabe en qué formato dibujar { $file }: que acabe en .svg o .png
chart-unknown-metric = el plan no tiene la métrica «{ $asked }». Tiene: { $known }; y timeline, las fases.
chart-no-samples = no hay lecturas de { $metric } en este despliegue: no se leyó, o su fuente no contestó
chart-no-samples-then = no hay lecturas de { $metric } entre { $from } y { $to }: no se leyó entonces, o su fuente no contestó

credential-prompt = Clave de { $name } (no se muestra):{" "}
credential-kept = { $name } queda guardada en { $place }.
credential-shadowed = { $name } también está en { $place }, y esa es la que se usa.
credential-deleted = { $name } se ha quitado de { $place }.
credential-none = No hay ninguna credencial guardada.
credential-age = desde { $at } (hace { $days } d)
credential-no-age = sin fecha
credential-state-in-force = en uso
credential-state-spare = no se usa: otro sitio va antes
credential-state-missing = ya no está: alguien la quitó con el programa del llavero
credential-state-locked = bloqueado
credential-state-absent = no está
credential-state-denied = sin acceso
credential-state-silent = no responde
credential-bad-name = eso no es el nombre de una credencial: escriba uno sin espacios, como telnyx-produccion. Si era la clave, renuévela: ha quedado en el historial
credential-locked = está bloqueado: desbloquéelo y repita la orden. Detalle: { $said }
credential-absent = no hay llavero: inicie gnome-keyring, KWallet o KeePassXC y repita la orden, o guárdela con --in file. Detalle: { $said }
credential-denied = no deja entrar: corrija los permisos y repita la orden. Detalle: { $said }
credential-silent = no ha respondido a tiempo: conteste a su ventana si la hay y repita la orden. Detalle: { $said }
credential-read-only = viene de una variable del proceso: cámbiela donde se inicia el programa. Detalle: { $said }
credential-size = no se guarda: está vacía o es demasiado larga; guarde solo la clave. Detalle: { $said }
credential-damaged = lo guardado no se puede leer: apártelo y guarde de nuevo sus credenciales. Detalle: { $said }
credential-system = el sistema no lo permite: libere espacio o permisos y repita la orden. Detalle: { $said }
credential-unknown = no hay ninguna credencial con ese nombre. Detalle: { $said }
credential-no-keychain = este programa no incluye el llavero: guárdela con --in file o en su variable. Detalle: { $said }
credential-unused = ninguna cuenta de ese entorno la usa. Detalle: { $said }
credential-account = no se puede preguntar a la cuenta. Detalle: { $said }

place-environment = una variable del proceso
place-session = la memoria de este proceso
place-keychain = el llavero
place-file = { $path }

ui-host-open = Ábralo en un navegador de este equipo (quien tenga esta dirección puede mandar): { $address }

judge-line = { $file }, línea { $line }: { $why }. No se ha calculado nada.
judge-form = columna { $column }: no se entiende ({ $why }). Escriba {"{"}"arm":"canary","failed":true,"weight":5.0{"}"}
judge-weight = weight es { $weight }: escriba el porcentaje de llamadas en la versión nueva, de 0 a 100
judge-latency = latency_ms es { $latency }: escriba milisegundos, 0 o más
judge-otherwise = la misma llamada (id) ya estaba en la línea { $earlier }, y con otro resultado: deje una sola
judge-limit = --p0 { $limit } no sirve de límite: escriba una proporción por encima de 0 y por debajo de 0.98; un 5 % es 0.05

power-title = Lo que cada fase puede mostrar con { $perDay } llamadas al día y un { $base } de fallos hoy. Es una simulación con el tráfico repartido por igual: en la realidad será algo peor.
power-observational = Aquí la versión no se sortea para cada llamada, sino por número, por inquilino o por quien llama: la comparación es solo observacional y se le pide diez veces más prueba.
power-phase = { $phase }: { $weight } durante { $length }, unas { $canary } llamadas en la versión nueva
power-sight = { "  " }si falla el { $rate }: se ve tras { $median } llamadas en la nueva (≈ { $when }); 9 de cada 10 veces, tras { $most } como mucho
power-sight-half = { "  " }si falla el { $rate }: se ve tras { $median } llamadas en la nueva (≈ { $when }), pero no 9 de cada 10 veces dentro de la fase
power-sight-rare = { "  " }si falla el { $rate }: la mayoría de las veces no se ve en esta fase (se ve en el { $share })
power-smallest = { "  " }con un 80 % de seguridad se ve lo que falle desde el { $rate }; menos puede pasar sin verse
power-smallest-none = { "  " }ni siquiera se ve con seguridad que falle todo
power-alone = { "  " }la prueba frente a la versión estable revierte una versión sana en el { $share } de los casos
power-alone-history = { "  " }la prueba frente al historial revierte una versión sana en el { $share } de los casos
power-rule-literal = { "  " }{ $rule }, tal cual: revierte una versión sana en el { $healthy } de los casos; { $failing }
power-rule-gated = { "  " }{ $rule }, con prueba: revierte una versión sana en el { $healthy } de los casos; { $failing }
power-failing = una que falla siempre, en el { $share }, a las { $when }
power-failing-rare = una que falla siempre, solo en el { $share }
power-go = { "  " }para seguir con menos del { $limit } de fallos: { $clean } llamadas si ninguna falla; con los fallos de hoy, { $most }: { $length } (con un 80 % de seguridad)
power-go-longer = { "  " }▲ para seguir con menos del { $limit } de fallos: { $clean } llamadas si ninguna falla; con los fallos de hoy, { $most }: la fase necesita { $length } (con un 80 % de seguridad)
power-go-far = { "  " }▲ para seguir con menos del { $limit } de fallos: { $clean } llamadas si ninguna falla; con los fallos de hoy no se demuestra ni con 20 000
power-go-never = { "  " }▲ menos del { $limit } de fallos no se demuestra con ningún número de llamadas
power-other-gate = { "  " }{ $metric } ({ $gate }): al menos { $clean } unidades sin una mala
power-other-gate-never = { "  " }{ $metric } ({ $gate }): no se demuestra con ningún número de unidades
power-looked-at = { "  " }se han simulado las primeras { $units } llamadas de la fase
power-days = { $n } días
power-warn-nothing-to-compare = ▲ { $phase }: con todas las llamadas en la nueva no hay con qué comparar; quedan los límites y el historial.
power-warn-blind = ▲ { $phase }: tan pocas llamadas no muestran ni que falle todo. Alárguela o suba su peso.
power-warn-blind-at-limit = ▲ { $phase }: { $rule } vigila un límite que aquí no se distingue; con seguridad se ve desde el { $rate }. Alárguela o suba su peso.
power-warn-go = ▲ { $phase }: es demasiado corta para lo que pide su compuerta. Alárguela, suba su peso o pida menos.
power-warn-false = ▲ { $phase }: { $rule }, tal cual, revertiría una versión sana en el { $share } de los casos. Escriba evidence = "gated".
power-share = { "  " }{ $metric }, hoy { $today } (en lo que sigue, «falla» es lo malo de esta métrica, hoy el { $bad }):
power-unknown-share = ninguna regla de reversión ni compuerta del plan mira la proporción «{ $metric }»; las que hay: { $known }
power-unseen-today = No se simula { $rule }: no se sabe cuánto da hoy { $signal }. Dígalo con --today MÉTRICA=PROPORCIÓN.
power-unseen-spread = No se simula { $rule }: mira una media o un percentil de { $signal }, y no se sabe cómo se reparten sus valores.
power-unseen-occurrences = No se simula { $rule }: cuenta sucesos de { $signal }, que no son parte de un total.
power-unseen-level = No se simula { $rule }: { $signal } es un nivel, del que no hay nada que probar; actúa tal cual.
power-unseen-side = No se simula { $rule }: no mira las llamadas de la versión nueva.
power-unseen-backwards = No se simula { $rule }: revierte cuando { $signal } mejora.
power-refused = no se puede simular: { $why }
