# La ventana. Las frases que comparte con las otras caras del programa están en notices.ftl.

window-purpose = Pase sus llamadas del sistema de voz viejo al nuevo poco a poco, y devuélvalas todas al viejo de una vez si algo va mal.
window-version = Versión { $version }
window-opening = Abriendo…
window-no-answer = La ventana no pudo preguntar al programa ({ $reason }). Ciérrela y vuelva a abrir Timonel; lo que corre en la terminal no depende de ella.
window-reason = Motivo: queda en la bitácora
window-type-place = Para seguir, escriba el nombre del entorno: { $place }
window-cancel = Cancelar
window-close = Cerrar
told-hides = La ventana se esconde, Timonel no se cierra: sigue vigilando desde su icono junto al reloj. Para cerrarlo del todo, elija «Salir de Timonel» en el menú del icono.
told-quit = Hay un despliegue en marcha y desde aquí nadie lo vigilaría. Para salir de todos modos, elija otra vez «Salir de Timonel» en el menú del icono.
told-quit-window = Hay un despliegue en marcha, o no se sabe, y sin Timonel nadie lo vigilaría desde aquí. Para salir de todos modos, cierre la ventana otra vez.
told-other-installation = Timonel ya está abierto con la carpeta { $here } y no se ha abierto nada de { $there }. Ciérrelo antes, o quite --home y --kubeconfig.
told-unwatched = Ahora no se vigila nada: { $why }.
told-silent = El motor de Timonel no responde: lo que se ve puede no ser lo que hay. Para revertir ya: timonelctl rollback. Reiniciar Timonel no pierde nada.
told-not-opened = No se ha abierto: { $why }.

rail-title = Pantallas
screen-guardia = Guardia
screen-connections = Conexiones

band-simulated = SIMULADOR
environment-produccion = PRODUCCIÓN
band-speed = × { $speed }
band-nothing-real = ensayo: nada de lo que se ve ni de lo que se mande es real
band-real = lectura y mando · llamadas reales
band-looking-on = se mira y se manda por la bitácora compartida · llamadas reales
band-sources = Frescura de las fuentes
band-evaluated = Evaluado hace { $age }
band-link-lost = Sin conexión con el programa
band-unwritten = la bitácora no se escribe: { $count ->
    [one] 1 anotación espera
   *[other] { $count } anotaciones esperan
 }
source-never = sin datos aún
source-parts = { $fresh } de { $all } señales al día · se lee cada { $interval } · llega con hasta { $lag } de retraso
source-prometheus = Prometheus
source-scrape = IVR /metrics
source-telnyx = Telnyx
freshness-live = al día
freshness-late = tarde
freshness-lost = perdido
looking-on-lost = Sin la bitácora compartida desde hace { $age }. El despliegue se ve como estaba entonces; las señales se leen aquí y son de ahora. Revertir funciona: se hace desde aquí.
looking-on-unled = Nadie vigila este despliegue: ningún motor tiene el mando, y nada se revierte solo. Arranque timonelctl engine con esta bitácora. Revertir funciona: se hace desde aquí.
looking-on-from-kit = Se revierte desde aquí y sin la bitácora compartida, con el equipo de reversión de este puesto: los pesos que se ven son los de esta reversión. Se anotará en ella cuando vuelva.
silent-alert = Sin noticias del programa desde hace { $age }.
silent-more = Lo que se ve puede no ser cierto ya. La vigilancia y la reversión automática no dependen de esta ventana.

head-phase = Fase { $number } de { $of } · { $name }
head-baked = { $served } de { $of }
head-no-phase = { $of } fases
head-calm = Sin novedad.
head-weight = { $weight } de las llamadas nuevas va al sistema nuevo.
head-wrong = { $metric }: { $value }, con límite de { $limit }.
head-wrong-compared = { $metric } del sistema nuevo: { $value }. El estable: { $stable }.
head-share = { $value } ({ $part } de { $units })
head-pending = límite de { $limit } pasado { $elapsed } de { $of }; entonces { $action }
head-waits = Para avanzar: { $what }
head-more = { $more } más

emergency-label = Revertir { $plan } a { $to }
emergency-effect = De { $from } a 0 %: { $targets } · { $units ->
    [unknown] en curso: sin datos
   *[other] { $units } en curso en el nuevo
 }
emergency-simulated = Simulador
emergency-nothing = Nada que revertir: ninguna llamada va al sistema nuevo.
emergency-none-there = Ninguna llamada va al nuevo. Pulsar lo deja así y lo bloquea.
emergency-drilled = último ensayo hace { $age }: { $took }
emergency-never-drilled = sin ensayar todavía
emergency-sending = Enviando…
emergency-confirm = El sistema estable puede no estar ya. Pulsar lo confirma.
emergency-latched = Revertido y bloqueado. Se puede pulsar otra vez.
emergency-keys = Con el teclado: Ctrl + Retroceso sobre el botón

mark-accepted = aceptado
mark-read-back = leído
mark-seen = visto
mark-drained = vaciado
mark-unseeable = —
mark-unseeable-why = El tráfico no lo puede mostrar en este destino

timeline-title = Fases
timeline-key = plan hueco · real lleno
timeline-more = peso y alertas sobre la misma línea
timeline-promise = previsto { $weight }
timeline-now = ahora { $at }
phase-ahead = por venir
phase-present = en curso
phase-passed = cumplida
phase-rolled-back = revertida

weights-title = Peso por destino
weights-columns = pedido · aceptado · observado
weights-target = destino
weights-requested = pedido
weights-accepted = aceptado
weights-observed = observado
weights-members = { $canary }/{ $all } núm.
weights-unseen = sin datos
weights-seen = { $canary } de { $all }
weights-seen-over = { $canary } de { $all } llamadas nuevas en { $over }: con pocas, el porcentaje oscila
weights-unknown = ?
weights-silent = no responde desde hace { $age }
weights-drift = alguien lo dejó en { $weight }
weights-marks = Comprobación de la bajada
weights-contrary = { $units ->
    [one] 1 llamada nueva siguió llegando al nuevo
   *[other] { $units } llamadas nuevas siguieron llegando al nuevo
 }
weights-manual = No confirma: comandos para bajarlo a mano
weights-progress = En curso:
target-kind-telnyx-number-share = Telnyx, números
target-kind-kubernetes-virtual-service = Istio
place-virtual-service = VirtualService { $namespace }/{ $name } en el clúster { $cluster }
place-number-share = números de la cuenta { $account }, de la aplicación { $stable } a la { $canary }

board-title = Seguir o revertir
board-columns = nuevo · estable · límite
board-metric = métrica
board-limit = límite
board-margin = margen
board-lasting = durante
board-units = datos
board-units-missing = faltan { $missing }
board-units-needed = { $units } datos en { $window }; con menos de { $of } no se juzga
board-no-evidence = sin evidencia
board-chart = Ver en la gráfica
board-rule = { $rule }: { $comparison } { $limit } durante { $lasting }, mirando { $window } → { $action }
action-notify = avisa
action-alert = avisa y congela
action-rollback = revierte
margin-none = sin valor
margin-beyond = límite superado
margin-left = queda el { $share } del margen

evidence-title = Evidencia contra la versión nueva
evidence-scale = escala logarítmica
evidence-acts = avisa { $alert } · revierte { $rollback }
evidence-alerts = avisa { $alert }
evidence-more-than = más de { $number }
evidence-bad = { $bad }/{ $total } { $n ->
    [one] fallo
   *[other] fallos
}
evidence-above = { $bad }/{ $total } por encima de { $limit }
evidence-occurred = { $bad } en { $total } llamadas, que son como mucho el { $share } de todas
evidence-mean = media { $mean }, como mucho { $upper }
evidence-upper = cota superior { $upper }
evidence-always = Vale en todo momento: se puede mirar cuantas veces se quiera.
evidence-kept = asegurado < { $limit }
evidence-missing = { $metric ->
    [speech_recognition] { $n ->
        [one] falta 1 turno reconocido
       *[other] faltan { $units } turnos reconocidos
    }
   *[other] { $n ->
        [one] falta 1 llamada limpia
       *[other] faltan { $units } llamadas limpias
    }
} para < { $limit }
evidence-far = < { $limit } no se puede asegurar
evidence-observational = Quién atiende no es azar: R cuenta una décima parte.
gates-clean = faltan { $units } limpias

gates-title = Para avanzar a { $weight }
gates-title-last = Para terminar
gates-title-start = Para empezar
gates-count = { $met } de { $all }
gates-bake = Tiempo mínimo de fase
gates-approvals = Aprobación
gates-checklist = Lista «{ $list }» firmada
gates-unsigned = sin firmar
gates-left = faltan { $left }
gates-value = { $value } · { $units ->
    [0] sin unidades
   *[other] { $units } unidades
 }
gate-limit = { $metric } { $comparison } { $limit }
gate-relative = { $metric } { $comparison } { $limit } (estable con margen)
gate-without-critical-error = Sin errores críticos en { $lasting }
gate-without-security = Sin incidentes de seguridad en { $lasting }

order-sign-all = Firmar las listas
order-sign-all-effect = Queda escrito que usted comprobó todo lo que dicen las listas sin firmar.
order-arm = Armar
order-arm-effect = Comprueba destinos, señales y credenciales. Desde entonces se puede revertir. No mueve ninguna llamada.
order-start = Empezar
order-start-effect = Mueve las primeras llamadas al sistema nuevo.
order-approve = Aprobar el avance
order-approve-effect = Con las aprobaciones que pide la fase y sus condiciones cumplidas, el peso sube a la fase siguiente.
order-freeze = Congelar el avance
order-freeze-effect = El peso se queda donde está hasta que una persona lo suelte. Revertir sigue siendo posible.
order-reset = Restablecer el bloqueo
order-reset-effect = Permite volver a empezar. No mueve ninguna llamada por sí mismo.
order-release = Soltar: { $hold ->
    [operator] congelado por una persona
    [alert] detenido por una alerta
    [drift] peso cambiado en { $target }
   *[shift] cambio fallido en { $target }
 }
order-release-effect = El despliegue puede seguir avanzando cuando se cumplan sus condiciones.
order-drill = Ensayar la reversión
order-drill-effect = La reversión de verdad, al 0 %: no mueve llamadas y mide cuánto tarda.
order-close = Cerrar el despliegue
order-close-effect = Termina: nadie lo vigila más y ya no se podrá revertir desde aquí. No mueve ninguna llamada.
order-sending = Enviado a quien tiene el mando: se espera su respuesta, medio minuto como mucho.
order-unchanged = Hecho ya: la orden no cambia nada.
order-refused = No se hizo: { $why }

alerts-title = Alertas
alerts-open = { $count ->
    [0] ninguna abierta
    [one] 1 abierta
   *[other] { $count } abiertas
 }
alerts-acknowledge = Reconocer
alerts-comment = Comentario (opcional)
alerts-resolved = resuelta { $at } · duró { $lasted }
alerts-since = desde { $at }, hace { $age }
alerts-seen = la vio { $by } a las { $at }
alerts-none = Ninguna alerta.
severity-low = baja
severity-medium = media
severity-high = alta
severity-critical = crítica

journal-title = Bitácora
journal-latest = últimas
helm-here = Mando: { $by } (este motor), desde { $at }
helm-nobody = Mando: nadie
helm-elsewhere = Mando: { $by } (otro motor), desde { $at }
journal-empty = Todavía sin anotaciones.

chart-limit = { $action } { $limit } · { $lasting }
chart-summary = { $metric }: { $values }. Límites: { $limits }.
chart-empty = Sin datos en este tramo
chart-band = puede ser
chart-band-of = { $side }: en toda la fase, entre { $low } y { $high } con un 95 % de confianza.
chart-window = { $window } por punto

picture-keep = Guardar imagen: { $of }
picture-saving = Dibujando la imagen…
picture-kept = Imagen guardada: { $where }

connections-sources = Fuentes de métricas
connections-targets = Destinos
connections-source = fuente
connections-kind = tipo
connections-state = estado
connections-newest = último dato
connections-ago = hace { $age }
connections-interval = se lee cada
connections-lag = retraso propio
connections-fresh = señales al día
connections-place = dónde
connections-answers = responde
role-splitter = reparte
role-follower = acompaña

palette-title = Buscar y mandar
palette-none = Nada con ese nombre.
palette-speak-es = Idioma: español
palette-speak-en = Idioma: inglés (English)
palette-theme-auto = Tema: como el escritorio
palette-theme-light = Tema: claro
palette-theme-dark = Tema: oscuro

footer-palette = buscar y mandar
footer-language = Español · cambiar a English
footer-theme = Tema: { $theme ->
    [light] claro
    [dark] oscuro
   *[auto] automático
 }
footer-read-only = solo lectura
footer-journal = bitácora: { $entries }

popups-title = Avisos en el escritorio
popups-none = Aquí no hay avisos de escritorio: los muestra el programa de ventana, no una página en el navegador.
popups-untested = sin probar
popups-working = funcionan
popups-degraded = a medias
popups-failed = no se ven
popups-server = Los muestra { $server }.
popups-try = Probar
popups-waiting = Pulse el botón «Lo veo» del aviso que acaba de salir. Si no lo ve, los avisos no le llegan en este escritorio.
popups-tested = Probado por { $by } a las { $at }.
popups-never-tested = Nadie ha confirmado todavía que los ve.
popups-strip-failed = No se ven los avisos del escritorio: { $why }. Las alertas siguen aquí.
popups-strip-degraded = Los avisos del escritorio funcionan a medias: { $why }.
popups-strip-refused = No se reconoció la alerta desde el aviso del escritorio: { $why }. Reconózcala aquí.
popups-no-bus = este programa no está en una sesión de escritorio; ábralo desde una ({ $said })
popups-no-server = ningún programa del escritorio los muestra; inicie uno, como dunst o mako ({ $said })
popups-silent = el programa que los muestra no responde; reinícielo
popups-refused = el programa que los muestra los rechaza; mire si está puesto a ocultar los de Timonel ({ $said })
popups-ended = la parte de Timonel que los muestra ha terminado; cierre Timonel y ábralo otra vez
popups-no-actions = este escritorio los muestra sin botones; para reconocer, abra Timonel
popups-no-update = este escritorio no los cambia ni los retira; lo que dicen puede haber pasado ya
popups-no-urgency = este escritorio los muestra todos igual; lo crítico no destaca

error-no-popups = aquí no hay avisos de escritorio: pruébelos en la ventana de Timonel
error-read-only = esta pantalla solo mira: hágalo desde la ventana principal
error-comment-too-long = el texto es demasiado largo: deje lo principal
error-other-rollout = esto era para { $rollout } en { $environment }, y ahora está abierto { $open } en { $place }: vuelva a mirar y pulse otra vez
error-unknown-alert = esa alerta ya no está
error-unknown-rule = el plan no tiene esa regla
error-nothing-to-draw = todavía no hay lecturas que dibujar
error-picture = la imagen no se pudo dibujar ({ $why })
error-picture-too-large = la imagen es demasiado grande para este navegador: guárdela con timonelctl chart
error-not-kept = la imagen no se pudo guardar ({ $why })
error-store = la bitácora no se puede leer ({ $why })
error-not-understood = la página pidió algo que este programa no conoce: recárguela
error-gone = el despliegue ya no corre: abra Timonel otra vez
error-sent = no se pudo enviar a quien tiene el mando ({ $why }): repítalo
error-sent-refused = quien tiene el mando no lo hace ({ $why })
error-sent-late = llegó tarde a quien tiene el mando y no se ha hecho: vuelva a mirar, y repítalo si aún hace falta
error-sent-overtaken = después de esta orden alguien dio la reversión por terminada: vuelva a mirar, y pulse otra vez si aún hace falta
error-sent-unread = quien tiene el mando no entiende esta orden: es de otra versión de Timonel
error-sent-unheard = nadie la ha recogido en { $limit }: se ha retirado y ya no se hará. Mire quién tiene el mando antes de repetirla
error-sent-unsettled = puede haberse empezado, y en { $limit } nadie ha dicho cómo acabó: quizá se haga todavía. Mire quién tiene el mando y qué pasó antes de repetirla
error-sent-no-kit = no se puede ni por la bitácora compartida ni con un equipo de reversión de este puesto ({ $why }): use timonelctl rollback --commands
error-not-open = la consola no se pudo abrir ({ $why }): cierre Timonel y vuelva a abrirlo

# Conexiones: claves

keys-title = Claves
keys-more = una clave no se vuelve a mostrar nunca
keys-looking = Mirando en cada sitio… Si el llavero pregunta, conteste en su ventana.
keys-retry = Reintentar
keys-retry-place = Reintentar: { $place }
keys-places = Dónde se guardan
keys-place = dónde
keys-name = nombre
keys-age = guardada
keys-tested = última prueba
keys-state = estado
keys-used-by = la usa
keys-acts = acciones
keys-none = Todavía no hay ninguna clave guardada.
keys-ago = hace { $age }
keys-no-age = sin fecha
keys-never-tested = sin probar
keys-tested-well = bien, hace { $age }
keys-tested-badly = mal, hace { $age }
keys-in-force = en uso
keys-spare = no se usa: va antes la que está en { $place }
keys-missing = ya no está: alguien la quitó con el programa del llavero. Guárdela otra vez
keys-unused = nadie, por este plan
keys-use = cuenta { $account }{ $open ->
    [yes] {""}
   *[no] {" "}del entorno { $environment }
 }{ $through ->
    [none] {""}
   *[some] : { $names }
 }
keys-general = toda cuenta que no tenga clave propia
keys-wanted = Falta la clave «{ $name }»: la usa { $uses }.
keys-wanted-later = El plan usa también la clave «{ $name }»: { $uses }.
keys-wanted-general = TELNYX_API_KEY la sustituye mientras falte.
keys-give = Guardar «{ $name }»…
keys-test = Probar
keys-test-of = Probar { $name }
keys-test-why = Pregunta de verdad al proveedor; no cambia nada
keys-testing = Probando…
keys-delete = Quitar
keys-delete-of = Quitar { $name } ({ $place })
keys-delete-ask = Quitar «{ $name }» ({ $place })
keys-delete-used = La usa: { $uses }. Sin ella no se puede mover ni revertir nada por esa cuenta cuando se vuelva a abrir.
keys-delete-unused = Ningún entorno de este plan la usa.
keys-delete-next = Después se usará la que está en { $place }.
keys-delete-act = Quitar la clave
keys-add = Guardar una clave
keys-add-name = Nombre, como lo escribe el plan
keys-add-secret = Clave
keys-add-secret-hint = Hasta { $most } bytes. No se vuelve a mostrar, y este campo se vacía al enviarla.
keys-add-where = Dónde se guarda
keys-add-act = Guardar
keys-adding = Guardando…
keys-read-only = Las variables se ponen donde se inicia el programa.
keys-keep-keychain = En el llavero del escritorio
keys-keep-keychain-effect = Cifrada por su escritorio. Tras reiniciar sigue ahí.
keys-keep-session = Solo en memoria, hasta cerrar Timonel
keys-keep-session-effect = No se guarda en ningún sitio. Si Timonel se cierra o se cae, no podrá mover ni revertir nada con ella hasta que alguien la escriba otra vez.
keys-keep-file = En un fichero de esta máquina
keys-keep-file-effect = Sin cifrar; solo su dueño puede leerlo. Para servidores: { $path }
keys-kept = «{ $name }» queda guardada en { $place }.
keys-deleted = «{ $name }» ya no está en { $place }.
keys-now-other = Se usa la que está en { $place }, que va antes.
keys-now-next = Desde ahora se usa la que está en { $place }.
keys-now-none = Ya no hay ninguna con ese nombre que se pueda leer.
effect-next = Cuenta desde el próximo despliegue que se abra.
effect-soon = El despliegue abierto la esperaba: la toma en menos de un minuto.
effect-reopen = El despliegue abierto sigue con la que cargó al abrirse; el cambio cuenta cuando se vuelva a abrir.
vault-place-environment = variables del proceso
vault-place-session = memoria de esta sesión
vault-place-keychain = llavero
vault-place-file = fichero { $path }
vault-file = fichero
the-place-environment = las variables del proceso
the-place-session = la memoria de esta sesión
the-place-keychain = el llavero
the-place-file = el fichero
condition-available = disponible
condition-locked = bloqueado
condition-absent = no está
condition-denied = sin acceso
condition-silent = no responde
condition-unbuilt = no incluido
advice-keychain-locked = Desbloquéelo en su propia ventana, o con su programa, y pulse Reintentar.
advice-keychain-absent-linux = Inicie gnome-keyring, KWallet o KeePassXC (con el servicio de secretos activado) en su sesión, con un llavero creado, y pulse Reintentar. Mientras, puede guardar la clave solo en memoria.
advice-keychain-absent = Entre en una sesión de escritorio y pulse Reintentar. Mientras, puede guardar la clave solo en memoria.
advice-keychain-denied = Permita a Timonel entrar, en el programa del llavero, y pulse Reintentar.
advice-keychain-silent = Conteste a su ventana si está abierta, o reinicie su servicio, y pulse Reintentar. Lo que estaba en marcha puede haberse hecho.
advice-keychain-unbuilt = Este programa se hizo sin llavero. Guarde la clave en memoria o en el fichero.
advice-file-denied = Si otros pueden leerlo, ejecute chmod 600 sobre él y renueve las claves que tiene; si no es suyo o está dañado, apártelo. Después pulse Reintentar.
advice-place = Libere espacio o permisos y pulse Reintentar.
check-credential-found = Hay una clave con ese nombre
check-account-key = La clave abre la cuenta
check-account-key-bad = La clave no abre la cuenta
check-account-balance = Saldo
check-account-balance-bad = El saldo no se puede ver o no alcanza
check-account-rights = La clave puede leer las aplicaciones de voz
check-account-rights-bad = La clave no puede leer las aplicaciones de voz
check-other = { $code }: bien
check-other-bad = { $code }: mal
error-credential-name = eso no puede ser un nombre: escriba de 1 a 80 letras o cifras sin espacios ni comillas, como telnyx-produccion
error-credential-name-is-key = eso parece la clave y no su nombre: escriba un nombre, como telnyx-produccion. Si alguien pudo verla, renuévela
error-credential-size = la clave tiene { $bytes } bytes y debe tener de 1 a { $most }: guarde solo la clave, no el fichero en que viene
error-credential-locked = { $place }: bloqueado. Desbloquéelo y repítalo ({ $said })
error-credential-absent = { $place }: no está. Inícielo y repítalo, o elija otro sitio ({ $said })
error-credential-denied = { $place }: no deja entrar. Corrija los permisos y repítalo ({ $said })
error-credential-silent = { $place }: no respondió en { $limit }. Conteste a su ventana si está abierta y repítalo
error-credential-place-read-only = { $place }: se cambian donde se inicia el programa
error-credential-damaged = { $place }: dañado ({ $said }). Apártelo y guarde sus claves otra vez
error-credential-system = { $place }: el sistema no lo permite ({ $said }). Libere espacio o permisos y repítalo
error-credential-unknown = no hay ninguna clave «{ $name }»: guárdela primero
error-credential-no-keychain = este programa se hizo sin llavero: elija la memoria o el fichero
error-credential-unused = ninguna cuenta de ese entorno usa «{ $name }»
error-credential-account = no se puede preguntar a la cuenta ({ $said })
error-credential-test-late = el proveedor no respondió en { $limit }: compruebe la red y pruebe otra vez

environments-title = Entornos
environments-palette = Abrir otro entorno o un plan
environments-store = Bitácora compartida: { $place }
environments-environment = Entorno
environments-rollout = Despliegue
environments-since = Desde
environments-open = abierto
environments-unwatched = nadie lo vigila aquí: ábralo
environments-act = Abrir
environments-open-named = Abrir { $name }
environments-simulator = Un mundo que no es real, para ensayar
environments-open-simulator = Abrir el simulador
environments-again = Empezar de nuevo
environments-path = Abrir un plan: la ruta entera de su fichero
environments-read = Leer el plan
environments-open-in = Abrir en { $environment }
environments-none = El plan no tiene ningún entorno real: añádalo bajo [environments].
environments-unsound = Este plan no se puede usar
environments-line = línea { $line }
environments-opening = Abriendo { $name }… Abrir no mueve ninguna llamada.
environments-opened = Abierto: { $name }. No se ha movido ninguna llamada.
