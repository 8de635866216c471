// The console behind the window, asked as the page asks it: over the real IPC, through the real capability.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { aim } from '../src/lib/known/aim';
import type { Batch, Order, Picture, Target } from '../src/lib/wire';
import { Desk } from './desk';
import { Window } from './window';

let desk: Desk;
let window: Window;

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

beforeEach(async () => {
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8', USER: 'ana' });
  await window.text('h1');
});

afterEach(() => window.close());

/** Calls a command inside the page; what it refuses is thrown as JSON. */
async function ask<Answer>(command: string, args: object = {}): Promise<Answer> {
  const answer = await window.inPage<{ good?: Answer; bad?: unknown }>(
    `return window.__TAURI_INTERNALS__.invoke(args[0], args[1]).then((good) => ({ good }), (bad) => ({ bad }));`,
    command,
    args,
  );
  if (answer.bad !== undefined) throw new Error(JSON.stringify(answer.bad));
  return answer.good as Answer;
}

const picture = () => ask<Picture>('picture');
const order = async (order: Order) => ask('order', { aim: aim(await picture()), order });

/** Looks again and again until `good`; says what it saw instead where that does not come. */
async function until(what: string, good: (picture: Picture) => boolean, within_ms = 50_000): Promise<Picture> {
  const end = performance.now() + within_ms;
  for (;;) {
    const seen = await picture();
    if (good(seen)) return seen;
    if (performance.now() >= end) {
      const { rollout, targets, alerts } = seen;
      throw new Error(`${what}: not within ${within_ms / 1000} s: ${JSON.stringify({ rollout, targets, alerts }, null, 1)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test('it opens on a simulator that says so, and its values move', async () => {
  const first = await picture();
  expect(first.environment.simulated).toBe(true);
  expect(first.rollout.stage).toBe('draft');
  const later = await until('values that move', (seen) => seen.revision > first.revision && seen.units.stable !== first.units.stable);
  expect(later.at).toBeGreaterThan(first.at);
  expect(later.units.stable).toBeGreaterThan(0);
});

test('one press on the window puts every target back, and nothing advances afterwards', { timeout: 240_000 }, async () => {
  await order({ order: 'sign-all' });
  // It refuses to be armed while it sees nothing, and says so.
  const armed = () =>
    order({ order: 'arm' }).then(
      () => true,
      (refused: Error) => (expect(refused.message).toContain('signal.stale'), false),
    );
  while (!(await armed()));
  await order({ order: 'start' });
  const raised = await until('weight on every target', (seen) => seen.targets.every((target) => (target.read ?? 0) > 0));
  expect(raised.emergency.possible).toBe(true);
  expect(raised.emergency.targets.toSorted()).toEqual(raised.targets.map((target) => target.id).toSorted());

  await window.press('[data-emergency] button');
  const whole = ({ marks }: Target) =>
    marks.read_back !== null && (!marks.seeable || (marks.seen !== null && marks.drained !== null));
  const back = await until('every mark of every target', ({ targets }) => targets.every(whole), 120_000);
  // Traffic shows the last two marks of the splitter alone: nothing is claimed for the others.
  expect(back.targets.filter(({ marks }) => marks.seeable).map(({ role }) => role)).toEqual(['splitter']);
  for (const { id, read, marks } of back.targets) {
    expect(read, id).toBe(0);
    expect(marks.decided, id).not.toBeNull();
    expect(marks.accepted, id).toBeGreaterThanOrEqual(marks.decided ?? Infinity);
    expect(marks.read_back, id).toBeGreaterThanOrEqual(marks.accepted ?? Infinity);
    expect(marks.contrary, id).toBe(0);
    if (!marks.seeable) expect([marks.seen, marks.drained], id).toEqual([null, null]);
  }
  const shown = await window.text('[data-emergency] button');
  for (const { id } of back.targets) expect(shown).toContain(id);

  expect(back.rollout.latched).not.toBeNull();
  expect(back.journal.some((line) => JSON.stringify(line.sentence).includes('ana'))).toBe(true);
  await expect(order({ order: 'start' })).rejects.toThrow('code');
  expect((await picture()).rollout.stage).toBe('rolled-back');
});

test('batches come in order, with what changed, and not while nobody looks', async () => {
  await window.inPage(`
    globalThis.heard = [];
    const id = window.__TAURI_INTERNALS__.transformCallback(({ index, message }) => globalThis.heard.push({ index, message }));
    await window.__TAURI_INTERNALS__.invoke('watch', { channel: '__CHANNEL__:' + id });`);
  const heard = () => window.inPage<{ index: number; message: Batch }[]>('return globalThis.heard;');
  const more = async (than: number) => {
    for (;;) {
      const all = await heard();
      if (all.length > than) return all;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const [first, ...rest] = await more(3);
  expect(Object.keys(first?.message.sections ?? {})).toContain('journal');
  expect(rest.map(({ index }) => index)).toEqual(rest.map((_, place) => place + 1));
  expect(rest.every(({ message }, place) => message.revision > ([first, ...rest][place]?.message.revision ?? Infinity))).toBe(true);
  expect(rest.some(({ message }) => message.sections.journal === undefined)).toBe(true);

  await ask('hidden', { hidden: true });
  // One may have been on its way. The world goes on, as the picture shows.
  const { revision } = await picture();
  await until('a world that goes on', (seen) => seen.revision > revision + 6);
  const quiet = await heard();
  expect(quiet.at(-1)?.message.revision).toBeLessThanOrEqual(revision + 1);
  await ask('hidden', { hidden: false });
  const again = await more(quiet.length);
  expect(again[quiet.length]?.message.revision).toBeGreaterThan(revision + 6);
});

test('what is refused is refused with a code', async () => {
  const here = aim(await picture());
  await expect(ask('acknowledge', { aim: here, alert: 'none', comment: '' })).rejects.toThrow('error-unknown-alert');
  await expect(ask('order', { aim: { ...here, environment: 'produccion' }, order: { order: 'sign-all' } })).rejects.toThrow('error-other-rollout');
  await expect(ask('series', { rule: 'none', widthPx: 100, from: 0, to: 1 })).rejects.toThrow('error-unknown-rule');
  await expect(ask('plugin:tray|new')).rejects.toThrow('not allowed');
  await expect(ask('plugin:window|destroy')).rejects.toThrow('not allowed');
});
