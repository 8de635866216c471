// The page in an ordinary browser, in both languages and both themes, in the states in which people look at it: nothing that axe finds,
// and an emergency control that anybody can find and press with the keyboard alone.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aim } from '../../src/lib/known/aim';
import type { Sections } from '../../src/lib/wire';
import { MARKS } from '../../src/lib/guardia/marks';
import { violations } from './reading';
import { browser, Host, type Look, LOOKS, Served } from './served';

let chromium: Browser;
let host: Host;
const open: Served[] = [];

beforeAll(async () => void (chromium = await browser()));
afterAll(() => chromium.close());

afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
  await host.close();
});

async function look_at(look: Look, more = {}): Promise<Served> {
  const served = await Served.open(chromium, host, look, more);
  open.push(served);
  return served;
}

const weight = (told: Sections) => told.targets?.find(({ role }) => role === 'splitter')?.read ?? 0;
const open_alerts = (told: Sections) => told.alerts?.filter((alert) => alert.resolved_at === null && alert.acknowledged === null) ?? [];

/** Each state with how to get there, and how one sees that it is that state. */
const STATES = {
  draft: { options: ['--speed', '10'], there: (told: Sections) => told.rollout?.stage === 'draft' },
  calm: { options: ['--speed', '10', '--operator'], there: (told: Sections) => told.rollout?.stage === 'baking' && weight(told) > 0 && open_alerts(told).length === 0 },
  // With its proof the rollback begins by itself, so an alarm is one that runs.
  alarm: { options: ['--speed', '20', '--operator'], there: (told: Sections) => open_alerts(told).length > 0 },
} as const;

/** Presses the emergency control with the keyboard alone: by the deliberate key, and by none that is pressed blindly. */
async function roll_back(served: Served): Promise<void> {
  const orders = () => served.asked.filter(({ ask }) => ask === 'order');
  const control = served.page.locator('[data-emergency] button');
  expect(await control.isVisible()).toBe(true);
  expect(await control.isEnabled()).toBe(true);
  await served.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await served.tab_to('[data-emergency]');
  const outline = await control.evaluate((button) => getComputedStyle(button).outlineWidth);
  expect(parseFloat(outline), 'the focus is seen').toBeGreaterThanOrEqual(2);
  // Pressed blindly, both of them.
  await served.page.keyboard.press('Enter');
  await served.page.keyboard.press('Space');
  await served.page.keyboard.press('Control+Backspace');
  await served.until('the order', () => orders().length > 0);
  const { rollout, environment } = served.told;
  const seen = rollout && environment && aim({ rollout, environment });
  expect(orders(), 'one order, by the deliberate key, for what is on the screen').toEqual([{ ask: 'order', aim: seen, order: { order: 'roll-back', confirmed: false } }]);
}

/** Waits until each target has its four marks, and holds what is shown against what was told. */
async function marks(served: Served): Promise<void> {
  await served.until(
    'four marks of every target',
    (told) => told.targets?.every(({ marks }) => marks.read_back !== null && (!marks.seeable || (marks.seen !== null && marks.drained !== null))) ?? false,
    90_000,
  );
  for (const target of served.told.targets ?? []) {
    const shown = served.page.locator(`[data-target="${target.id}"] ~ tr ol`).first().locator('li');
    expect(await shown.evaluateAll((all) => all.map((one) => one.getAttribute('data-mark'))), target.id).toEqual([...MARKS]);
    const states = await shown.evaluateAll((all) => all.map((one) => one.getAttribute('data-state')));
    expect(states, target.id).toEqual(['done', 'done', ...(target.marks.seeable ? ['done', 'done'] : ['unseeable', 'unseeable'])]);
  }
}

describe.each(Object.entries(STATES))('in the state %s', (state, { options, there }) => {
  test('nothing to be found in any language and theme, and the keyboard alone puts everything back', { timeout: 180_000 }, async () => {
    host = await Host.open(...options);
    const all: Served[] = [];
    for (const look of LOOKS) all.push(await look_at(look));
    for (const served of all) await served.until(state, there, 120_000);
    const { page: sized } = all[0] as Served;
    expect(await sized.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]), 'nothing lies beyond the window').toEqual([1440, 900]);
    for (const [index, served] of all.entries()) {
      const name = JSON.stringify(LOOKS[index]);
      expect(await violations(served.page), `Guardia, ${state}, ${name}`).toEqual([]);
      await served.page.getByRole('navigation').getByRole('button').nth(1).click();
      await served.page.locator('[data-computing]').waitFor();
      // So early too little is measured: all ask the same, and it is computed once.
      if (state === 'draft') await served.page.locator('[data-share] tbody tr').first().waitFor({ timeout: 90_000 });
      expect(await served.page.locator('[data-emergency] button').isVisible()).toBe(true);
      expect(await violations(served.page), `Plan, ${state}, ${name}`).toEqual([]);
      await served.page.getByRole('navigation').getByRole('button').nth(2).click();
      expect(await served.page.locator('[data-emergency] button').isVisible()).toBe(true);
      expect(await violations(served.page), `Connections, ${state}, ${name}`).toEqual([]);
      await served.page.getByRole('navigation').getByRole('button').first().click();
    }
    const [first, ...others] = all as [Served, ...Served[]];
    await roll_back(first);
    if (state === 'draft') {
      // Nothing was moved yet. It is heard all the same, and says why nothing happens.
      await first.page.locator('.strips').getByRole('alert').waitFor();
      return;
    }
    await marks(first);
    for (const [index, served] of [first, ...others].entries()) {
      await served.until('rolled back', (told) => told.rollout?.stage === 'rolled-back');
      expect(await violations(served.page), `Guardia, rolled back, ${JSON.stringify(LOOKS[index])}`).toEqual([]);
      // Latched, and still there to be pressed.
      expect(await served.page.locator('[data-emergency] button').isEnabled()).toBe(true);
      expect(served.complaints).toEqual([]);
    }
  });
});
