# La pantalla Plan: el plan como está escrito y lo que puede mostrar antes de empezar.

screen-plan = Plan
plan-title = Fases del plan { $plan }
plan-revision = revisión { $revision }
plan-shortened = El ensayo acorta las fases; aquí están como en el plan.
plan-reading = Leyendo el plan…
plan-phase = Fase
plan-weight = Peso
plan-length = Dura
plan-start = Comienzo previsto
plan-start-after = tras la anterior
plan-leave = Para salir de ella
plan-people = Personas
plan-approvals = { $n ->
    [one] 1 aprobación
   *[other] { $n } aprobaciones
}
plan-checklist = lista { $list } firmada
plan-check-in = mirar cada { $every }
plan-gate-relative = { $metric } no peor que el estable (margen { $limit })
plan-no-gates = solo el tiempo

plan-findings = Lo que dice la comprobación del plan
plan-findings-none = La comprobación no encuentra nada dudoso.

power-panel = Lo que cada fase puede mostrar
power-simulated = simulado con el mismo código que decide
power-units = Llamadas al día
power-base = Fallan hoy (%)
power-value = { $metric } hoy (%)
power-value-none = sin dato: no se simula
power-act = Calcular
power-continue = Seguir calculando
power-measured = Medido en { $over } de este tráfico; cámbielo si otro día será distinto.
power-assumed = Nadie lo ha medido todavía: los números son un supuesto. Cámbielos.
power-partly = Medido en { $over } de este tráfico; lo que faltaba es un supuesto. Cámbielo si sabe más.
power-computing = Calculando: { $done } de { $of } fases…
power-done = Calculado con { $units } llamadas al día y un { $base } de fallos. El tráfico se toma igual todo el día: en la realidad será algo peor.
power-left = Alguien pidió el cálculo con otros números: este se quedó en { $done } de { $of } fases.
power-observational = La versión sigue al número, al inquilino o a quien llama, no al azar: se le pide diez veces más prueba.
power-failures = Fallos
power-share-title = { $metric } (malas hoy: { $bad })
power-canary = En la nueva
power-canary-units = { $n } llamadas
power-smallest = Se nota desde
power-smallest-none = no se nota ni si falla todo
power-sight = Si falla el { $rate }
power-sight-units = { $n ->
    [one] 1 llamada
   *[other] { $n } llamadas
}
power-unseen-mostly = casi nunca se ve
power-unseen-share = ({ $share })
power-go = Para seguir
power-go-none = —
power-go-enough = menos del { $limit } en { $needs }
power-go-longer = menos del { $limit } necesita { $needs }
power-go-far = menos del { $limit }: ni con 20 000 llamadas
power-go-never = menos del { $limit }: imposible
power-go-clean = { $n } sin una mala
power-at-best = { $metric }: al menos { $n } sin una mala
power-at-best-never = { $metric }: imposible de mostrar
power-history = sin nada con qué comparar: solo el historial
power-part = simuladas las primeras { $units }
power-rules = Reversiones de la regla en una fase: de una versión sana (por error) y de una que falla siempre
power-rule = Regla
power-literal = tal cual
power-gated = con prueba
power-as-planned = así en el plan
power-healthy = sana { $share }
power-failing = fallando { $share } a las { $after }
power-failing-rare = fallando { $share }
power-alone = Solo con la prueba, sin regla
power-unseen-title = No se simula
power-warnings = Lo que este plan no puede mostrar

plan-unseen-today = { $rule }: no se sabe cuánto da hoy { $signal }. Escríbalo arriba.
plan-unseen-spread = { $rule }: mira una media o un percentil de { $signal }, y no se sabe cómo se reparten sus valores.
plan-unseen-occurrences = { $rule }: cuenta sucesos de { $signal }, que no son parte de un total.
plan-unseen-level = { $rule }: { $signal } es un nivel, del que no hay nada que probar; actúa tal cual.
plan-unseen-side = { $rule }: no mira las llamadas de la versión nueva.
plan-unseen-backwards = { $rule }: revierte cuando { $signal } mejora.
plan-warn-nothing-to-compare = { $phase }: con todas las llamadas en la nueva no hay con qué comparar; quedan los límites y el historial.
plan-warn-blind = { $phase }: tan pocas llamadas no muestran ni que falle todo. Alárguela o suba su peso.
plan-warn-blind-at-limit = { $phase }: { $rule } vigila un límite que aquí no se distingue; con seguridad se ve desde el { $rate }. Alárguela o suba su peso.
plan-warn-go = { $phase }: es demasiado corta para lo que pide su compuerta. Alárguela, suba su peso o pida menos.
plan-warn-false = { $phase }: { $rule }, tal cual, revertiría una versión sana en el { $share } de los casos. Escriba evidence = "gated".
plan-warn-false-spared = { $phase }: { $rule } tal cual revertiría una versión sana en el { $share } de los casos; con prueba, como está en el plan, solo avisa.
plan-power-too-long = Con tanto tráfico el cálculo no cabe en su tiempo: faltan fases. Pruebe con menos llamadas al día.
plan-power-refused = No se puede simular: { $why }
error-power-units = escriba las llamadas de un día: de 1 a { $most }
error-power-share = escriba los porcentajes de hoy entre 0 y 100
