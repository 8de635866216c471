// The Plan screen: figures come phase by phase, what was asked before never overwrites what was asked after, in both languages.
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { Refusal } from '../host';
import { LOCALES } from '../i18n/catalogues';
import { words } from '../i18n/words.svelte';
import type { PhasePower, PlanSheet, Power, PowerAsk } from '../wire';
import Plan from './Plan.svelte';

const SHEET: PlanSheet = {
  plan: 'ivr-texml',
  name: 'IVR a TeXML',
  revision: 3,
  shortened: true,
  phases: [
    { id: 'piloto-5', name: 'Piloto 5 %', weight: 500, bake_ms: 604_800_000, planned_start: null, approvals: 2, checklist: 'preparacion', check_in_ms: 14_400_000, gates: [{ id: 'g', code: 'plan-gate-relative', metric: 'abandonment', unit: 'ratio', comparison: 'above', limit: 0.01, lasting_ms: null }, { id: 'h', code: 'gate-without-critical-error', metric: null, unit: null, comparison: null, limit: null, lasting_ms: 259_200_000 }] },
    { id: 'total-100', name: 'Total', weight: 10_000, bake_ms: 604_800_000, planned_start: Date.UTC(2026, 10, 30, 7), approvals: 0, checklist: null, check_in_ms: null, gates: [] },
  ],
  findings: [{ error: false, code: 'rule.mean', at: 'rules[3].when', line: 214, message: 'a mean', advice: 'Write p95' }],
  today: { units_per_day: 480, over_ms: 3_600_000, base: 0.02, shares: [{ metric: 'abandonment', value: null }] },
};

const end = { healthy: 0.08, failing: 1, after_ms: 111_600_000 };
const phase = (id: string, more: Partial<PhasePower['shares'][number]> = {}): PhasePower => ({
  phase: id,
  units: 2100,
  canary_units: 105,
  bake_ms: 604_800_000,
  shares: [
    {
      metric: null,
      bad_today: 0.02,
      by_history: false,
      smallest: 0.14,
      false_alarms: 0.001,
      sights: [
        { rate: 1, share: 1, units: 4, after_ms: 21_600_000 },
        { rate: 0.1, share: 0.44, units: null, after_ms: null },
      ],
      rules: [{ rule: 'errores-10', is_literal: false, literal: end, gated: { healthy: 0.001, failing: 1, after_ms: 14_400_000 } }],
      go: { limit: 0.05, clean: 73, units: 532, needs_ms: 613_440_000, enough: false },
      warnings: [{ code: 'plan-warn-go', args: { phase: { kind: 'text', value: id } } }],
      looked_at: null,
      ...more,
    },
  ],
  at_best: [{ gate: 'g', metric: 'speech_recognition', clean: 29 }],
});
const power = (phases: PhasePower[], more: Partial<Power> = {}): Power => ({ of: 2, phases, computing: phases.length < 2, ended: null, observational: true, unseen: [{ code: 'plan-unseen-spread', args: { rule: { kind: 'text', value: 'respuesta-5s' }, signal: { kind: 'text', value: 'respuesta' } } }], ...more });

let shown: ReturnType<typeof mount> | undefined;
let complaints: MockInstance;

beforeEach(() => {
  vi.stubGlobal('ResizeObserver', class { observe() {} disconnect() {} });
  complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
  document.body.replaceChildren();
  expect(complaints.mock.calls).toEqual([]);
  complaints.mockRestore();
  vi.unstubAllGlobals();
  words.locale = 'es';
});

/** A page whose answers the test gives, one by one. */
async function page() {
  const asked: { ask: PowerAsk; answer: (power: Power) => void; refuse: (why: Refusal) => void }[] = [];
  const host = {
    plan: () => Promise.resolve(SHEET),
    power: (ask: PowerAsk) => new Promise<Power>((answer, refuse) => asked.push({ ask, answer, refuse })),
  };
  shown = mount(Plan, { target: document.body, props: { host } });
  await settled();
  return asked;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    await Promise.resolve();
    flushSync();
  }
}

const text = () => document.body.textContent.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ');

async function compute(units: string): Promise<void> {
  const field = document.querySelector<HTMLInputElement>('input[name=units]')!;
  field.value = units;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  document.querySelector('form')!.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
  await settled();
}

test('the planner is asked at once with what was measured, and shows each phase as it comes', async () => {
  const asked = await page();
  expect(asked.map(({ ask }) => ask)).toEqual([{ units_per_day: 480, base: 0.02, shares: {}, have: 0 }]);
  expect(text()).toContain('Calculando: 0 de 2 fases…');
  asked[0]!.answer(power([phase('piloto-5')]));
  await settled();
  expect(asked[1]!.ask.have).toBe(1);
  expect(text()).toContain('Calculando: 1 de 2 fases…');
  expect(document.querySelectorAll('[data-share=failures] [data-phase]')).toHaveLength(1);
  asked[1]!.answer(power([phase('piloto-5'), phase('total-100', { by_history: true })]));
  await settled();
  expect(asked).toHaveLength(2);
  expect(text()).toContain('Calculado con 480 llamadas al día y un 2 % de fallos.');
  const pilot = document.querySelector('[data-share=failures] [data-phase=piloto-5]')!.textContent.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ');
  for (const said of ['105 llamadas', '14 %', '6 h', '4 llamadas', 'casi nunca se ve', '(44 %)', 'menos del 5 % necesita 7 d 2 h', '73 sin una mala', 'Reconocimiento']) expect(pilot).toContain(said);
  expect(text()).toContain('sana 8 %');
  expect(text()).toContain('fallando 100 % a las 1 d 7 h');
  expect(text()).toContain('respuesta-5s: mira una media');
});

test('what was asked before never stands for what was asked after', async () => {
  const asked = await page();
  await compute('90');
  expect(asked.map(({ ask }) => ask.units_per_day)).toEqual([480, 90]);
  asked[1]!.answer(power([phase('piloto-5', { smallest: 0.31 }), phase('total-100')]));
  asked[0]!.answer(power([phase('piloto-5', { smallest: 0.99 })]));
  await settled();
  expect(asked).toHaveLength(2);
  expect(text()).toContain('Calculado con 90 llamadas');
  expect(text()).toContain('31 %');
  expect(text()).not.toContain('99 %');
});

test('numbers that are refused are told, and others can be asked', async () => {
  const asked = await page();
  asked[0]!.refuse(new Refusal({ code: 'error-power-units', args: { most: { kind: 'count', value: 10_000_000 } } }));
  await settled();
  expect(document.querySelector('[role=alert]')?.textContent).toContain('de 1 a 10.000.000');
  await compute('20');
  expect(document.querySelector('[role=alert]')).toBeNull();
});

test('a computation that somebody else ended says so and can be gone on with', async () => {
  const asked = await page();
  asked[0]!.answer(power([phase('piloto-5')], { computing: false }));
  await settled();
  expect(text()).toContain('este se quedó en 1 de 2 fases');
  expect(document.querySelector('form button')?.textContent).toBe('Seguir calculando');
});

describe.each(LOCALES)('%s', (locale) => {
  test('the plan stands as it is written, with its findings and their places', async () => {
    words.locale = locale;
    const asked = await page();
    asked[0]!.answer(power([phase('piloto-5'), phase('total-100')]));
    await settled();
    const said = locale === 'es' ? ['revisión 3', 'El ensayo acorta las fases', 'Abandono no peor que el estable (margen 1 %)', 'lista preparacion firmada', '2 aprobaciones', 'línea 214', 'rules[3].when'] : ['revision 3', 'The rehearsal shortens', 'not worse than stable (margin 1%)', '2 approvals', 'line 214'];
    for (const one of said) expect(text()).toContain(one);
    expect(text()).not.toMatch(/power-|plan-(warn|unseen|gate)|\{|\$/);
  });
});
