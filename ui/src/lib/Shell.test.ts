// Every screen in the states that matter, in both languages: no text is missing and the emergency control is there.
import { render } from 'svelte/server';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import type { Host } from './host';
import { LOCALES } from './i18n/catalogues';
import { words } from './i18n/words.svelte';
import { Helm } from './known/helm.svelte';
import { Known } from './known/known.svelte';
import Shell from './Shell.svelte';
import { AT, gate, picture, reading, row, target } from './testing/picture';
import type { Arg, Picture, StoreSize } from './wire';

let complaints: MockInstance;

beforeEach(() => {
  complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  complaints.mockRestore();
  words.locale = 'es';
});

const never = () => new Promise<never>(() => {});
const host: Host = { about: never, picture: never, watch: never, hidden: never, language: never, order: never, acknowledge: never, series: never, told: () => () => {}, picture_file: never, credentials: never, credential_put: never, credential_test: never, credential_delete: never, popup_test: never, environments: never, plan_file: never, plan: never, power: never, open: never };

function page(shown: Picture, read_only = false): string {
  const about = { version: '1.2.3', languages: [], read_only };
  const { body } = render(Shell, { props: { picture: shown, known: new Known(), helm: new Helm(host), host, about } });
  return body.replace(/\u00a0/g, ' ');
}

const calm = picture();
const lowered = { decided: AT - 2_000, accepted: AT - 1_700, read_back: AT - 1_600, seen: null, drained: null, contrary: 2, seeable: true };
const mib = (n: number): Arg => ({ kind: 'sentence', value: { code: 'size-mib', args: { n: { kind: 'tenths', value: n } } } });
const scarce: StoreSize = {
  size: { code: 'store-size-left', args: { size: mib(150), left: mib(2000) } },
  parts: { code: 'store-parts', args: { journal: mib(30), readings: mib(60), outcomes: mib(50), others: mib(10), unused: mib(5) } },
  warning: { code: 'notice-store-critical', args: { left: mib(2000), size: mib(150), folder: { kind: 'text', value: '/var/lib/timonel' } } },
};

const STATES: [string, Picture][] = [
  ['calm', calm],
  ['a draft', picture({ rollout: { ...calm.rollout, stage: 'draft', phase: null, may: ['arm', 'sign-all'], sentence: { code: 'stage-draft', args: {} } } })],
  [
    'an alarm',
    picture({
      board: [
        row({ state: 'firing', canary: reading(0.143), for: { elapsed_ms: 300_000, of_ms: 300_000 } }),
        row({ metric: 'response_time', unit: 'seconds', statistic: 'p95', state: 'pending', canary: reading(1.2), stable: reading(1.1), limit: 3, for: { elapsed_ms: 1_000, of_ms: 300_000 } }),
        row({ metric: 'ivr_up', unit: 'count', better: 'higher', comparison: 'below', statistic: 'latest', side: 'whole', canary: null, stable: null, whole: reading(1), limit: 1 }),
        row({ metric: 'abandonment', state: 'no-evidence', canary: reading(null), freshness: 'lost' }),
      ],
      gates: [gate({ code: 'gate-limit', verdict: 'no-go', comparison: 'below' }), gate({ id: 'b', value: null, verdict: 'no-evidence' })],
    }),
  ],
  [
    'rolled back',
    picture({
      rollout: { ...calm.rollout, stage: 'rolled-back', phase: null, latched: AT, may: ['reset'], cause: { code: 'cause-rule', args: { rule: { kind: 'text', value: 'errores-10' } } }, sentence: { code: 'stage-rolled-back', args: {} } },
      targets: [target({ marks: lowered, manual: ['curl x'], silent: AT - 9_000, drift: 300 }), target({ id: 'consultas', marks: { ...lowered, seeable: false } })],
      units: { stable: 40, canary: null },
    }),
  ],
  [
    'held and in production',
    picture({
      environment: { ...calm.environment, name: 'produccion', simulated: false, speed: 1, store_fault: 'disk full', unwritten: 3, store: scarce },
      rollout: { ...calm.rollout, frozen: true, may: ['release', 'freeze', 'approve', 'drill'], holds: [{ hold: 'drift', target: 'telnyx' }, { hold: 'operator' }] },
      emergency: { ...calm.emergency, possible: false, confirm: true, last_drill: null },
      alerts: [],
      journal: [],
    }),
  ],
];

describe.each(LOCALES)('%s', (locale) => {
  beforeEach(() => {
    words.locale = locale;
  });

  test.each(STATES)('%s: no text is missing', (_, shown) => {
    page(shown);
    expect(complaints.mock.calls).toEqual([]);
  });

  test.each(STATES)('%s: the emergency control is there, with its effect for a label, and can be pressed', (_, shown) => {
    const control = /data-emergency.*?<button(.*?)>(.*?)<\/button>/s.exec(page(shown));
    expect(control?.[1]).not.toContain('disabled');
    expect(control?.[2]).toContain(locale === 'es' ? 'Revertir ivr-texml a 0 %' : 'Roll ivr-texml back to 0%');
  });
});

test('the simulator is said to be one, and production is not', () => {
  expect(page(calm)).toContain('SIMULADOR');
  const production = page(STATES[4]![1]);
  expect(production).toContain('PRODUCCIÓN');
  expect(production).not.toMatch(/class="band[^"]*simulated/);
});

test('weights that were asked for, accepted and observed stand side by side', () => {
  const cells = [...page(calm).matchAll(/data-target="telnyx".*?<\/tr>/gs)][0]?.[0].replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
  expect(cells).toContain('12/340 núm. 5 % 4,7 % 4,9 %');
});

test('a lowering shows all four marks of each target, with seconds, and what cannot be seen as such', () => {
  const marks = [...page(STATES[3]![1]).matchAll(/data-mark="([a-z-]+)" data-state="([a-z]+)"/g)].map(([, mark, state]) => `${mark} ${state}`);
  expect(marks).toEqual([
    'accepted done',
    'read-back done',
    'seen waiting',
    'drained waiting',
    'accepted done',
    'read-back done',
    'seen unseeable',
    'drained unseeable',
  ]);
});

test('a read-only page neither rolls back nor acknowledges nor offers an order', () => {
  const body = page(calm, true);
  expect(body).not.toContain('data-emergency');
  expect(body).not.toContain('Reconocer');
  expect(body).not.toContain('Congelar');
});
