// An alarm on its way to a person who looks elsewhere: out of the metrics, over the rules, to the desk's own popups, and back.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Alert } from '../src/lib/wire';
import { Desk } from './desk';
import { Rollout } from './rollout';
import { until } from './until';
import { Window } from './window';

let desk: Desk;
let window: Window;

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

beforeEach(async () => {
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8', USER: 'ana' });
  await window.text('[data-emergency]');
});

afterEach(() => window.close());

const open = (alert: Alert) => alert.resolved_at === null && alert.acknowledged === null;

test('an alert stands on the desk, and whoever answers there has answered in the window', { timeout: 240_000 }, async () => {
  const rollout = new Rollout(window);
  await rollout.started();
  const { alerts } = await rollout.until('an alert', (picture) => picture.alerts.some(open), 180_000);
  const alert = alerts.find(open)!;
  const shown = await window.text(`[data-alert="${alert.id}"] b`);
  const popup = await until('the popup', async () => (await desk.popups.all()).find(({ program }) => program === 'Timonel'));
  // The same words on the desk as in the window, with where it is.
  expect(`${popup.title} ${popup.text}`).toContain(shown.trim());
  expect(`${popup.title} ${popup.text}`).toMatch(/simulador/i);

  const offered = await desk.popups.choose('Reconocer');
  expect(offered.some((line) => /revertir/i.test(line)), 'a popup never moves traffic').toBe(false);
  const after = await rollout.until('the acknowledgement', (picture) => picture.alerts.find(({ id }) => id === alert.id)?.acknowledged != null);
  expect(after.alerts.find(({ id }) => id === alert.id)?.acknowledged?.by).toBe('ana');
  await until('the person in the window', async () => (await window.text(`[data-alert="${alert.id}"]`)).toLowerCase().includes('ana'));
});

test('popups count as seen when a person has answered one, and a desk that loses them is told of', async () => {
  await window.press('nav button:nth-of-type(3)');
  await window.text('[data-popups="untested"]');
  await window.press('[data-popups] button');
  await until('the test popup', async () => (await desk.popups.all()).some(({ program }) => program === 'Timonel'));
  await desk.popups.choose('Lo veo');
  expect(await window.text('[data-popups="working"]')).toContain('ana');

  await desk.popups.end();
  await window.press('[data-popups] button');
  await window.text('[data-popups="failed"]');
  await desk.popups.start();
  await window.press('[data-popups] button');
  await until('a test popup on the new one', async () => (await desk.popups.all()).some(({ program }) => program === 'Timonel'));
});
