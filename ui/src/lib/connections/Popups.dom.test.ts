// @vitest-environment happy-dom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import { Refusal } from '../host';
import { words } from '../i18n/words.svelte';
import PopupStrip from '../PopupStrip.svelte';
import type { PopupsState } from '../wire';
import Popups from './Popups.svelte';

const state = (more: Partial<PopupsState> = {}): PopupsState => ({ standing: 'untested', why: null, server: 'dunst', waiting: false, tested: null, refused: null, ...more });
const no_server = { code: 'popups-no-server', args: { said: { kind: 'text', value: 'ServiceUnknown' } } } as const;

let shown: Record<string, unknown> | null = null;

function card(popups: PopupsState, popup_test: () => Promise<void> = () => Promise.resolve(), read_only = false): HTMLElement {
  shown = mount(Popups, { target: document.body, props: { popups, host: { popup_test }, read_only } });
  flushSync();
  return document.querySelector<HTMLElement>('[data-popups]')!;
}

function strip(popups: PopupsState): string[] {
  shown = mount(PopupStrip, { target: document.body, props: { popups } });
  flushSync();
  return [...document.querySelectorAll('p')].map((line) => line.textContent.trim());
}

afterEach(() => {
  if (shown) void unmount(shown);
  shown = null;
  words.locale = 'es';
});

test('nobody is told that popups are seen before a person said so', () => {
  expect(card(state()).textContent).toMatch(/sin probar.*Nadie ha confirmado/s);
});

test('a test that a person confirmed says who and when', () => {
  const text = card(state({ standing: 'working', tested: { at: Date.UTC(2026, 10, 22, 19, 18), by: 'ana' } })).textContent;
  expect(text).toMatch(/funcionan/);
  expect(text).toMatch(/Probado por ana a las \d\d:\d\d:\d\d\./);
});

test('the button asks for a test, and what waits for a press says so', async () => {
  const popup_test = vi.fn(() => Promise.resolve());
  card(state({ waiting: true }), popup_test).querySelector('button')!.click();
  expect(popup_test).toHaveBeenCalledOnce();
  expect(document.querySelector('[role=status]')!.textContent).toContain('Lo veo');
});

test('a test that was refused says why', async () => {
  const refusal = new Refusal({ code: 'error-no-popups', args: {} });
  card(state(), () => Promise.reject(refusal)).querySelector('button')!.click();
  await vi.waitFor(() => {
    flushSync();
    expect(document.querySelector('[role=status]')!.textContent).toContain('pruébelos en la ventana');
  });
});

test('a page without popups, and a screen that only looks, offer no test', () => {
  expect(card(state({ standing: 'none', server: null })).querySelector('button')).toBeNull();
  void unmount(shown!);
  expect(card(state(), undefined, true).querySelector('button')).toBeNull();
});

test.each([
  [{}, []],
  [{ standing: 'none' }, []],
  [{ standing: 'working' }, []],
  [{ standing: 'failed', why: no_server }, [/No se ven los avisos del escritorio: ningún programa.*ServiceUnknown/]],
  [{ standing: 'degraded', why: { code: 'popups-no-actions', args: {} } }, [/a medias: este escritorio los muestra sin botones/]],
  [{ standing: 'working', refused: { code: 'error-gone', args: {} } }, [/No se reconoció la alerta desde el aviso/]],
] as [Partial<PopupsState>, RegExp[]][])('the strip for %j', (more, said) => {
  const lines = strip(state(more));
  expect(lines.length).toBe(said.length);
  said.forEach((pattern, at) => expect(lines[at]).toMatch(pattern));
});
