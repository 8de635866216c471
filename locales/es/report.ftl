# Lo que dicen los gráficos y los informes.

side-stable = estable
side-canary = nuevo
side-whole = común

metric-error-rate = Errores
metric-failed-calls = Llamadas fallidas
metric-response-time = Tiempo de respuesta
metric-data-query-time = Tiempo de consulta de datos
metric-abandonment = Abandono
metric-speech-recognition = Reconocimiento de voz
metric-call-duration = Duración de las llamadas
metric-concurrent-calls = Llamadas en curso
metric-calls = Llamadas nuevas
metric-menu-option-share = Opción del menú
metric-breaker-opens = Aperturas del cortacircuitos
metric-unhandled-exceptions = Excepciones sin tratar
metric-uptime = Disponibilidad
metric-cpu = CPU
metric-memory = Memoria
metric-network = Red
metric-network-latency = Latencia de la red
metric-active-sessions = Sesiones activas
metric-audio-quality = Calidad de audio (MOS)
metric-external-errors = Errores de servicios externos

statistic-mean = media
statistic-p50 = mediana
statistic-p95 = percentil 95
statistic-p99 = percentil 99
statistic-total = total

limit-rollback = revierte { $limit } · { $lasting }
limit-freeze = avisa y detiene { $limit } · { $lasting }
limit-alert = avisa { $limit } · { $lasting }
limit-at-once = al momento

chart-subtitle = { $rollout } ({ $environment }) · { $date } · { $zone } · cada punto resume { $window }
chart-subtitle-now = { $rollout } ({ $environment }) · { $date } · { $zone }
chart-at-zero = nuevo a 0 %: solo lo que seguía en curso
chart-no-data = { $side }: sin datos
chart-band = franja: lo que puede ser la tasa de toda la fase, con un 95 % de confianza
chart-description = { $side }: último valor { $last }, el mayor { $most }.

timeline-title = Fases
timeline-subtitle = { $rollout } ({ $environment }) · { $date } · { $zone }
timeline-description = Peso aceptado al final: { $weight }.
timeline-planned = previsto
timeline-actual = real
timeline-weight = peso del nuevo
timeline-accepted = aceptado
timeline-asked = pedido
timeline-newest = último dato { $at }

happened-rule = regla { $what }
happened-worse = el nuevo va peor: { $what }
happened-common = falla en ambos: { $what }
happened-unrouted = no llegan llamadas al nuevo
happened-skewed = las llamadas no siguen el peso
happened-signals-lost = datos perdidos
happened-mended = base de datos reparada
happened-gap = nadie vigilaba
happened-incident = error crítico
happened-security = brecha de seguridad
happened-resumed = siguió tras un corte
happened-drilled = reversión ensayada
happened-silent = { $what } no responde
happened-shift-failed = falló el paso en { $what }
happened-unverified = { $what } sin confirmar
happened-drift = otro movió { $what }
happened-rolled-back = se revierte a 0 %: { $what }
happened-reduced = se reduce: { $what }
happened-verified = comprobado en el tráfico
happened-completed = completado
