import { expect, test } from 'vitest';
import { Trigger } from './trigger';

const key = (name: string, more: Partial<KeyboardEvent> = {}) => ({ key: name, ctrlKey: false, metaKey: false, repeat: false, ...more });

test('a click of a pointer fires', () => {
  expect(new Trigger().click({ detail: 1 })).toBe(true);
});

test('a click of an assistive program, which has no pointer and no key, fires', () => {
  expect(new Trigger().click({ detail: 0 })).toBe(true);
});

test.each(['Enter', ' '])('%j does not fire, and neither does the click that it makes', (name) => {
  const trigger = new Trigger();
  expect(trigger.down(key(name))).toBe(true);
  expect(trigger.click({ detail: 0 })).toBe(false);
  expect(trigger.up(key(name))).toBe(false);
});

test.each(['a', 'r', 'Backspace', 'Delete', 'Tab'])('%j alone does nothing and is left to the browser', (name) => {
  const trigger = new Trigger();
  expect([trigger.down(key(name)), trigger.up(key(name))]).toEqual([false, false]);
});

test.each([{ ctrlKey: true }, { metaKey: true }])('the deliberate key fires once, on release: %j', (modifier) => {
  const trigger = new Trigger();
  expect(trigger.down(key('Backspace', modifier))).toBe(true);
  expect(trigger.up(key('Backspace'))).toBe(true);
  expect(trigger.up(key('Control'))).toBe(false);
});

test('on a Mac, which reports only the release of Cmd, that release fires', () => {
  const trigger = new Trigger();
  trigger.down(key('Backspace', { metaKey: true }));
  expect(trigger.up(key('Meta'))).toBe(true);
});

test('a key that is held since before the focus came is none', () => {
  const trigger = new Trigger();
  trigger.down(key('Backspace', { ctrlKey: true, repeat: true }));
  expect(trigger.up(key('Backspace'))).toBe(false);
});

test('leaving the control before the release is a way out', () => {
  const trigger = new Trigger();
  trigger.down(key('Backspace', { ctrlKey: true }));
  trigger.blur();
  expect(trigger.up(key('Backspace'))).toBe(false);
});

test('Enter that is let go elsewhere does not silence a later click', () => {
  const trigger = new Trigger();
  trigger.down(key('Enter'));
  trigger.blur();
  expect(trigger.click({ detail: 0 })).toBe(true);
});
