// The page is killed while calls are on the canary: the program says so at the desk, goes on watching, puts everything back from the
// menu of its icon, and opens the window again.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Desk, empty, residents } from './desk';
import { Rollout } from './rollout';
import { until } from './until';
import { Window } from './window';

const PAGE = 'WebKitWebProces';
/** The menu of the icon, as every desk reads it. */
const MENU = 'com.canonical.dbusmenu';
let desk: Desk;

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

test('a page that is killed keeps no call where it is', { timeout: 240_000 }, async () => {
  const home = await desk.home();
  const window = await Window.open(desk, { LANG: 'es_ES.UTF-8', USER: 'ana', TIMONEL_LOG: 'timonel_app=info' }, home);
  try {
    await window.text('[data-emergency]');
    await new Rollout(window).started();
    const menu = await until('the menu of the icon', icon, 60_000);
    expect(await state(menu)).not.toContain('todo en estable');
    const first = await until('the page', pages(home));
    for (const page of first) process.kill(page, 'SIGKILL');

    const popup = await until('a popup of it', async () => (await desk.popups.all()).find(({ text }) => text.includes('La ventana dejó de responder')), 60_000);
    expect(popup).toMatchObject({ program: 'Timonel', urgency: 'CRITICAL' });
    expect(`${popup.title} ${popup.text}`).toMatch(/simulador/i);

    const press = (await entries(menu)).find(({ label }) => label.startsWith('Revertir'));
    await call(menu, `${MENU}.Event`, String(press?.id), 'clicked', "<''>", '0');
    await until('everything back', async () => / 0 % /.test(await state(menu)), 120_000);
    await until('that the menu was heard', async () => (await readFile(join(home, 'log'), 'utf8')).includes("is put back, by the icon's menu"));
    await until('another page', async () => (await pages(home)()).filter((page) => !first.includes(page)), 60_000);
  } finally {
    // Whoever drives the page may have ended with it.
    await window.close().catch(() => undefined);
    for (const { id } of await residents(home)) process.kill(id, 'SIGKILL');
    await empty(home);
  }

  /** What the first line of the menu says of the rollout. */
  async function state(menu: Menu): Promise<string> {
    return (await entries(menu)).find(({ label }) => label.includes('SIMULADOR') && !label.startsWith('Revertir'))?.label ?? '';
  }
});

/** Where the menu is on the desk's bus. */
interface Menu {
  name: string;
  path: string;
}

function pages(home: string): () => Promise<number[]> {
  return async () => (await residents(home)).filter(({ name }) => name.startsWith(PAGE)).map(({ id }) => id);
}

/** The icon's menu, whichever connection has it: nobody at this desk shows icons, and it is asked as who would show it asks. */
async function icon(): Promise<Menu | null> {
  const names = await desk.ask('busctl', ['--user', '--list', '--no-legend', `--address=${address()}`, 'list', '--unique']);
  for (const name of names.match(/^:[\d.]+/gm) ?? []) {
    const tree = await desk.ask('busctl', [`--address=${address()}`, '--list', 'tree', name]).catch(() => '');
    const path = /\/org\/ayatana\/NotificationItem\/\S+\/Menu/.exec(tree)?.[0];
    if (path) return { name, path };
  }
  return null;
}

function address(): string {
  return desk.variables(desk.folder)['DBUS_SESSION_BUS_ADDRESS'] ?? '';
}

async function entries(menu: Menu): Promise<{ id: number; label: string }[]> {
  const said = await call(menu, `${MENU}.GetLayout`, '0', '-1', '[]');
  return [...said.matchAll(/\((\d+), \{[^}]*?'label': <["']([^>]*)["']>/g)].map(([, id, label = '']) => ({ id: Number(id), label }));
}

/** Calls a method of the menu, its arguments as GVariant writes them, and gives the answer likewise. */
function call({ name, path }: Menu, method: string, ...args: string[]): Promise<string> {
  return desk.ask('gdbus', ['call', '--session', '--dest', name, '--object-path', path, '--method', method, '--', ...args]);
}
