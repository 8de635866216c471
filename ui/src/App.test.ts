import { render } from 'svelte/server';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import App from './App.svelte';
import type { Host } from './lib/host';
import { LOCALES } from './lib/i18n/catalogues';
import { words } from './lib/i18n/words.svelte';

let complaints: MockInstance;

beforeEach(() => {
  complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  complaints.mockRestore();
  words.locale = 'es';
});

const never = () => new Promise<never>(() => {});
const host: Host = { about: never, picture: never, watch: never, hidden: never, language: never, order: never, acknowledge: never, series: never, told: () => () => {}, picture_file: never, credentials: never, credential_put: never, credential_test: never, credential_delete: never, popup_test: never, environments: never, plan_file: never, plan: never, power: never, open: never };
const about = { version: '7.8.9', languages: [], read_only: false };

describe.each(LOCALES)('%s', (locale) => {
  test('before the first batch the page says what it is and that it waits', () => {
    words.locale = locale;
    const { body } = render(App, { props: { host, about } });
    expect(complaints).not.toHaveBeenCalled();
    expect(body).toContain('7.8.9');
    expect(body).toContain('role="status"');
    expect(body).not.toContain('role="alert"');
  });

  test('where the program does not answer, the page says so and why', () => {
    words.locale = locale;
    const problem = { code: 'window-no-answer', args: { reason: { kind: 'text', value: 'about not allowed' } } } as const;
    const { body } = render(App, { props: { host, problem } });
    expect(body).toContain('role="alert"');
    expect(body).toContain('about not allowed');
  });
});

test('the two languages differ', () => {
  const pages = LOCALES.map((locale) => {
    words.locale = locale;
    return render(App, { props: { host, about } }).body;
  });
  expect(new Set(pages).size).toBe(LOCALES.length);
});

describe('sentences of the wire', () => {
  test('are filled in the language of the page, sentences within them too', () => {
    const sentence = {
      code: 'notice-rollback-started',
      args: {
        to: { kind: 'weight', value: 0 },
        cause: { kind: 'sentence', value: { code: 'cause-rule', args: { rule: { kind: 'text', value: 'errores-10' } } } },
      },
    } as const;
    const plain = () => words.tell(sentence).replace(/\u00a0/g, ' ');
    expect(plain()).toBe('Se revierte a 0 %: lo pidió la regla «errores-10».');
    words.locale = 'en';
    expect(plain()).toContain('0%');
  });

  test('a failure that has no sentence of its own is told in its own words', () => {
    const sentence = { code: 'why-nobody-wrote-this', args: { text: { kind: 'text', value: 'teapot' } } } as const;
    expect(words.tell(sentence)).toBe('teapot');
    expect(complaints).not.toHaveBeenCalled();
  });

  test('a text that is not there shows its key and is reported', () => {
    expect(words.say('no-such-text')).toBe('no-such-text');
    expect(complaints).toHaveBeenCalledOnce();
  });
});
