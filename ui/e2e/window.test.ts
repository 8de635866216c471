// What the window shows before anybody does anything, and what its page may not do.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Desk } from './desk';
import { Window } from './window';

let desk: Desk;
let window: Window | undefined;

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

afterEach(async () => {
  await window?.close();
  window = undefined;
});

test.each([
  ['es_CO.UTF-8', 'es', 'Versión'],
  ['en_GB.UTF-8', 'en', 'Version'],
  ['fr_FR.UTF-8', 'es', 'Versión'],
  ['C.UTF-8', 'es', 'Versión'],
])('a desktop in %s gets the page in %s, with the version of the manifest', async (desktop, language, word) => {
  const manifest = await readFile(new URL('../../Cargo.toml', import.meta.url), 'utf8');
  const version = /\[workspace\.package\]\s+version = "([^"]+)"/.exec(manifest)?.[1];
  window = await Window.open(desk, { LANG: desktop });
  expect(await window.text('.version')).toBe(`${word} ${version}`);
  expect(await window.inPage('return document.documentElement.lang')).toBe(language);
  expect(await window.inPage('return document.querySelectorAll(".problem, .strip").length')).toBe(0);
});

test('the page is dark on a dark desktop and light on a light one', async () => {
  const ground = 'return getComputedStyle(document.body).backgroundColor';
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8', GTK_THEME: 'Adwaita:dark' });
  await window.text('h1');
  expect(await window.inPage(ground)).toBe('rgb(27, 30, 34)');
  await window.close();
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8', GTK_THEME: 'Adwaita' });
  await window.text('h1');
  expect(await window.inPage(ground)).toBe('rgb(233, 234, 236)');
});

test('the page may call what its capability names and nothing else', async () => {
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8' });
  await window.text('h1');
  const call = (command: string) =>
    window?.inPage<string>('return JSON.stringify(await window.__TAURI_INTERNALS__.invoke(args[0]))', command);
  expect(await call('about')).toContain('"version"');
  expect(await call('plugin:window|set_title')).toMatch(/^failed: .*not allowed/);
  expect(await call('plugin:event|listen')).toMatch(/^failed: .*not allowed/);
  expect(await window.inPage('return typeof window.__TAURI__')).toBe('undefined');
});

test('the page reaches no address of the network', async () => {
  let visits = 0;
  const server = createServer((_, answer) => {
    visits += 1;
    answer.setHeader('access-control-allow-origin', '*').end('here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    expect(await (await fetch(address)).text()).toBe('here');
    window = await Window.open(desk, { LANG: 'es_ES.UTF-8' });
    await window.text('h1');
    const refused = await window.inPage<string>(
      `const violation = new Promise((resolve) => document.addEventListener('securitypolicyviolation', resolve, { once: true }));
       fetch(args[0]).catch(() => {});
       return (await violation).effectiveDirective;`,
      address,
    );
    expect(refused).toBe('connect-src');
    expect(visits).toBe(1);
  } finally {
    server.close();
  }
});
