import { mount, unmount } from 'svelte';
import { afterEach, expect, test } from 'vitest';
import type { EvidenceRow } from '../wire';
import Evidence from './Evidence.svelte';

let shown: ReturnType<typeof mount> | undefined;

afterEach(async () => {
  if (shown) await unmount(shown);
  document.body.replaceChildren();
});

function panel(more: Partial<EvidenceRow> = {}, rows?: EvidenceRow[]): string {
  const row: EvidenceRow = {
    metric: 'error_rate',
    signal: 'errores',
    kind: 'share',
    above: null,
    unit: 'ratio',
    canary: { bad: 0, total: 18, lower: 0, upper: 0.25 },
    stable: { bad: 7, total: 400, lower: 0.01, upper: 0.04 },
    log10_r: 0.26,
    log10_history: null,
    share: null,
    mean: null,
    alert_at: 1.6,
    rollback_at: 2.3,
    observational: false,
    goal: { limit: 0.05, is_share: true, kept: false, clean_units: 55 },
    ...more,
  };
  shown = mount(Evidence, { target: document.body, props: { rows: rows ?? [row] } });
  return document.body.textContent?.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ') ?? '';
}

test('what is known of a few good calls, and how many are missing', () => {
  const said = panel();
  expect(said).toContain('R = 1,8');
  expect(said).toContain('0/18 fallos · cota superior 25 % · faltan 55 llamadas limpias para < 5 %');
  expect(said).toContain('avisa 40 · revierte 200');
});

test('what acts is marked by more than colour', () => {
  panel({ log10_r: 3 });
  const meter = document.querySelector('.meter');
  expect(meter?.classList.contains('rollback')).toBe(true);
  expect(meter?.querySelector('.r svg')).not.toBeNull();
});

test('a latency says above what, and who is no chance says so', () => {
  const said = panel({ kind: 'above', above: 3, unit: 'seconds', observational: true, goal: null });
  expect(said).toContain('0/18 por encima de 3 s');
  expect(said).toContain('no es azar');
  expect(said).not.toContain('falta');
});

test('what occurs is held against a share, and a mean is no failure of anybody', async () => {
  const occurred = panel({ kind: 'occurrences', canary: { bad: 3, total: 57, lower: 0, upper: 1 }, share: 0.08, goal: null });
  expect(occurred).toContain('3 en 57 llamadas');
  expect(occurred).toContain('8');
  expect(occurred).not.toContain('cota superior');
  if (shown) await unmount(shown);
  document.body.replaceChildren();
  const mean = panel({ kind: 'mean', unit: 'seconds', log10_r: null, mean: { seen: 1.2, upper: 1.6 }, goal: { limit: 2, is_share: false, kept: true, clean_units: 0 } });
  expect(mean).toContain('media 1,2 s, como mucho 1,6 s');
  expect(mean).toContain('asegurado < 2 s');
  expect(mean).not.toContain('fallo');
});

test('where all calls are the new version’s its history is what it is held against', () => {
  expect(panel({ log10_r: 0, log10_history: 3 })).toContain('R = 1000');
  expect(document.querySelector('.meter')?.classList.contains('rollback')).toBe(true);
});

test('nothing is shown before there is anything to say', () => {
  expect(panel({}, [])).toBe('');
});
