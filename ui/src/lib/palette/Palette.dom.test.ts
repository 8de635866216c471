import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import Palette from './Palette.svelte';

const [run, show, plain, onclose] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
let shown: ReturnType<typeof mount>;

beforeEach(() => {
  const commands = [
    { id: 'a', label: 'Congelar', run: plain },
    { id: 'b', label: 'Revertir a 0 %', deliberate: true, run, show },
  ];
  shown = mount(Palette, { target: document.body, props: { commands, onclose } });
  flushSync();
});

afterEach(async () => {
  await unmount(shown);
  vi.clearAllMocks();
});

const options = () => [...document.querySelectorAll<HTMLButtonElement>('[role=option]')];

function typed(text: string, ...keys: string[]): void {
  const input = document.querySelector('input')!;
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
  for (const key of keys) {
    input.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    flushSync();
  }
}

test('typing and Enter gives what can be taken back', () => {
  typed('conge', 'Enter');
  expect(plain).toHaveBeenCalledOnce();
});

test('typing and Enter never gives the rollback: it leads to its control', () => {
  typed('revertir', 'Enter');
  expect(run).not.toHaveBeenCalled();
  expect(show).toHaveBeenCalledOnce();
});

test('a click gives the rollback at once', () => {
  options()[1]?.click();
  expect(run).toHaveBeenCalledOnce();
});

test('arrows go round, and what is picked is said', () => {
  const picked = () => options().map((option) => option.getAttribute('aria-selected'));
  expect(picked()).toEqual(['true', 'false']);
  typed('', 'ArrowUp');
  expect(picked()).toEqual(['false', 'true']);
  typed('', 'ArrowDown', 'ArrowDown');
  expect(document.querySelector('input')?.getAttribute('aria-activedescendant')).toBe('palette-a');
});

test('Enter where nothing is found does nothing', () => {
  typed('zzz', 'Enter');
  expect([run, show, plain].some((command) => command.mock.calls.length > 0)).toBe(false);
});
