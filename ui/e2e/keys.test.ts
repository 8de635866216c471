// A key on its way from a person's fingers to the keychain of the desk, and nowhere else: not on the disk, not in what the page is told,
// not in what the program says of itself at its most talkative.
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Desk } from './desk';
import { Traffic } from './traffic';
import { until } from './until';
import { Window } from './window';

const NAME = 'llave-de-prueba';
/** Where the keychain has it: what `secret-tool` asks for. */
const ENTRY = { service: 'dev.timonel.console', username: NAME };
const ROW = `[data-key="${NAME}"][data-place="keychain"]`;
const KEYCHAIN = '[data-keys] li[data-place="keychain"]';

let desk: Desk;
let window: Window;
let secret: string;

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

beforeEach(async () => {
  secret = `KEY${randomUUID().replaceAll('-', '')}`;
  window = await Window.open(desk, { LANG: 'es_ES.UTF-8', USER: 'ana', TIMONEL_LOG: 'debug' });
  await window.text('[data-emergency]');
  await window.press('nav button:nth-of-type(3)');
  await window.text('#key-form-title');
});

afterEach(() => window.close());

const there = (selector: string) => window.inPage<boolean>('return document.querySelector(args[0]) !== null', selector);

async function keep(): Promise<void> {
  await window.type('[name="credential-name"]', NAME);
  await window.type('#key-secret', secret);
  await window.press('[name="credential-keep"][value="keychain"]');
  await window.press('[data-keys] form [type="submit"]');
  await window.text(ROW);
}

async function take_away(): Promise<void> {
  await window.press(`${ROW} .acts button:last-child`);
  await window.press('dialog [type="submit"]');
  await until('the row to go', async () => !(await there(ROW)));
}

test('a typed key is in the keychain and nowhere else, and is taken away again', async () => {
  const traffic = await Traffic.begin(window);
  await keep();
  expect(await desk.keyring.find(ENTRY)).toBe(secret);

  const { revision } = await window.ask<{ revision: number }>('picture');
  await until('a later batch', async () => (await window.ask<{ revision: number }>('picture')).revision > revision);
  await window.ask('credentials');
  expect((await traffic.with(secret)).map(({ way, command }) => [way, command]), 'it crosses once, towards the program').toEqual([['asked', 'credential_put']]);
  expect(await window.inPage('return document.documentElement.outerHTML.includes(args[0])', secret)).toBe(false);
  expect(await window.inPage('return [...document.querySelectorAll("input")].some((field) => field.value.includes(args[0]))', secret)).toBe(false);

  // That the name is found says that the search finds what is there.
  expect(await desk.files_with(NAME)).not.toEqual([]);
  expect(await desk.files_with(secret)).toEqual([]);

  await take_away();
  expect(await desk.keyring.find(ENTRY)).toBeNull();
});

test('a locked keychain says so, and is used again when it is unlocked, without a restart', async () => {
  await keep();
  await desk.keyring.lock();
  await window.press('nav button:nth-of-type(1)');
  await window.press('nav button:nth-of-type(3)');
  await window.text(`${KEYCHAIN}[data-condition="locked"]`);
  // A new one is neither kept elsewhere nor said to be kept.
  await window.type('#key-secret', secret);
  await window.press('[name="credential-keep"][value="keychain"]');
  await window.press('[data-keys] form [type="submit"]');
  await window.text('[data-keys] form [role="alert"]');
  expect(await desk.files_with(secret)).toEqual([]);

  await desk.keyring.start();
  await window.press(`${KEYCHAIN} button`);
  await window.text(`${KEYCHAIN}[data-condition="available"]`);
  expect(await desk.keyring.find(ENTRY)).toBe(secret);
  await take_away();
});
