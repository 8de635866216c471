// A gate in words: what it wants. Used by the list of gates and by whoever says what is waited for.
import { words } from '../i18n/words.svelte';
import type { GateRow } from '../wire';

/** What has to hold, such as "Abandono ≤ 4,4 % (estable con margen)". */
export function wanted(gate: GateRow): string {
  return words.say(gate.code, {
    metric: gate.metric ? words.named('metric', gate.metric) : '',
    comparison: gate.comparison === 'below' ? '≥' : '≤',
    limit: gate.limit === null || gate.unit === null ? '—' : words.format.value(gate.limit, gate.unit),
    lasting: gate.lasting ? words.format.duration(gate.lasting.of_ms) : '',
  });
}
