import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Outcome } from '../known/helm.svelte';
import { AT, picture, target } from '../testing/picture';
import type { Emergency as Control } from '../wire';
import Emergency from './Emergency.svelte';

let shown: ReturnType<typeof mount> | undefined;

afterEach(async () => {
  if (shown) await unmount(shown);
  document.body.replaceChildren();
});

function control(more: { emergency?: Partial<Control>; press?: Outcome | null; targets?: ReturnType<typeof target>[] } = {}) {
  const calm = picture();
  const onpress = vi.fn();
  shown = mount(Emergency, {
    target: document.body,
    props: {
      emergency: { ...calm.emergency, ...more.emergency },
      environment: calm.environment,
      targets: more.targets ?? calm.targets,
      units: calm.units,
      now: AT,
      latched: false,
      alarm: false,
      press: more.press ?? null,
      onpress,
    },
  });
  flushSync();
  const button = document.querySelector('button')!;
  const key = (type: 'keydown' | 'keyup', name: string, more: KeyboardEventInit = {}) =>
    button.dispatchEvent(new KeyboardEvent(type, { key: name, bubbles: true, cancelable: true, ...more }));
  return { button, onpress, key };
}

test('one press of a pointer fires, on release and not before', () => {
  const { button, onpress } = control();
  button.dispatchEvent(new Event('pointerdown', { bubbles: true }));
  button.dispatchEvent(new Event('mousedown', { bubbles: true }));
  expect(onpress).not.toHaveBeenCalled();
  button.dispatchEvent(new MouseEvent('click', { detail: 1, bubbles: true }));
  expect(onpress).toHaveBeenCalledExactlyOnceWith(false);
});

test('Enter and the space bar do nothing, and the browser makes no click of them', () => {
  const { onpress, key } = control();
  for (const name of ['Enter', ' ']) {
    expect(key('keydown', name)).toBe(false);
    key('keyup', name);
  }
  expect(onpress).not.toHaveBeenCalled();
});

test('Ctrl with Backspace fires when it is let go', () => {
  const { onpress, key } = control();
  key('keydown', 'Backspace', { ctrlKey: true });
  expect(onpress).not.toHaveBeenCalled();
  key('keyup', 'Backspace', { ctrlKey: true });
  expect(onpress).toHaveBeenCalledOnce();
});

test('it is never disabled: not while sending, not when refused, not where nothing can be rolled back', async () => {
  const refused: Outcome = { kind: 'refused', why: { code: 'rejection-stage', args: {} } };
  for (const more of [{ press: { kind: 'sending' } as const }, { press: refused }, { emergency: { possible: false } }]) {
    const { button, onpress } = control(more);
    expect(button.disabled).toBe(false);
    button.dispatchEvent(new MouseEvent('click', { detail: 1, bubbles: true }));
    expect(onpress).toHaveBeenCalledOnce();
    await unmount(shown!);
    shown = undefined;
  }
});

test('where the stable side may be gone it says so before the press, and the press confirms it', () => {
  const { button, onpress } = control({ emergency: { confirm: true } });
  expect(button.textContent).toContain('puede no estar');
  button.dispatchEvent(new MouseEvent('click', { detail: 1, bubbles: true }));
  expect(onpress).toHaveBeenCalledExactlyOnceWith(true);
});

test('after a press it tells how far each target is, in seconds', () => {
  const marks = { decided: AT - 3_000, accepted: AT - 2_600, read_back: null, seen: null, drained: null, contrary: 0, seeable: true };
  const waiting = { ...marks, accepted: null };
  const { button } = control({ press: { kind: 'taken' }, targets: [target({ marks }), target({ id: 'consultas', marks: waiting })] });
  const text = button.textContent.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ');
  expect(text).toContain('telnyx aceptado 0,4 s');
  expect(text).toContain('consultas 3 s');
});
