// Takes the pictures of docs/images anew, from the real window: `npm run pictures`, with the built program as `TIMONEL_PROGRAM`.
// One rollout of the simulator from calm over alarm to rolled back; each state in several languages and themes.
// Vitest runs it because it runs everything else at a desk; nothing is expected here.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, test } from 'vitest';
import type { Picture } from '../src/lib/wire';
import { Desk } from './desk';
import { Rollout } from './rollout';
import { until } from './until';
import { Window } from './window';

const FOLDER = new URL('../../docs/images/', import.meta.url);
const [WIDTH, HEIGHT] = [1440, 900];

/** Language and theme of a picture. */
type Look = readonly ['es' | 'en', 'light' | 'dark'];
const LOOKS: readonly Look[] = [
  ['es', 'light'],
  ['es', 'dark'],
  ['en', 'light'],
  ['en', 'dark'],
];

let desk: Desk;
let window: Window;

beforeAll(async () => {
  desk = await Desk.open();
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8', GTK_THEME: 'Adwaita', USER: 'ana' });
  await window.size(WIDTH, HEIGHT);
});

afterAll(async () => {
  await window.close();
  await desk.close();
});

test('the pictures of the documentation', { timeout: 600_000 }, async () => {
  const rollout = new Rollout(window);
  await window.text('[data-emergency]');
  await rollout.started();
  const open = ({ alerts }: Picture) => alerts.filter((alert) => alert.resolved_at === null && alert.acknowledged === null);
  // Long enough under way for the charts to have lines.
  await rollout.until('a calm rollout', (picture) => picture.phases.some((phase) => phase.baked_ms > 3 * 60_000) && open(picture).length === 0, 120_000);
  await taken('guardia-calm');
  await screen(1);
  await until('the planner', () => window.inPage<boolean>("return document.querySelector('[data-computing=false] [data-share] tbody') !== null"), 120_000);
  await taken('plan');
  await screen(2);
  await taken('conexiones', [['es', 'light']]);
  await screen(0);
  await rollout.until('an alarm', (picture) => open(picture).some((alert) => ['high', 'critical'].includes(alert.severity)), 180_000);
  await taken('guardia-alarm');
  await rollout.until(
    'everything back',
    ({ targets }) => targets.every(({ marks }) => marks.read_back !== null && (!marks.seeable || (marks.seen !== null && marks.drained !== null))),
    300_000,
  );
  await taken('guardia-rolled-back');
});

async function taken(name: string, looks = LOOKS): Promise<void> {
  for (const [language, theme] of looks) {
    await look(language, theme);
    await writeFile(new URL(`${name}-${language}-${theme}.png`, FOLDER), await window.picture());
  }
}

/** Puts the page into a language and a theme as a person does, by the buttons at its foot. */
async function look(language: Look[0], theme: Look[1]): Promise<void> {
  const [language_button, theme_button] = ['footer button:nth-of-type(2)', 'footer button:nth-of-type(3)'];
  const is = (body: string, wanted: string) => window.inPage<boolean>(`return ${body} === args[0]`, wanted);
  while (!(await is('document.documentElement.lang', language))) await window.press(language_button);
  while (!(await is('document.documentElement.dataset.theme', theme))) await window.press(theme_button);
  // Charts are painted anew with the next values.
  const { revision } = await window.ask<Picture>('picture');
  await until('the next values', async () => (await window.ask<Picture>('picture')).revision > revision + 2);
}

async function screen(index: number): Promise<void> {
  await window.press(`nav button:nth-of-type(${index + 1})`);
}
