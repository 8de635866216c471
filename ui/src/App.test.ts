import { render } from 'svelte/server';
import { afterEach, expect, test, vi } from 'vitest';
import App from './App.svelte';
import { LOCALES } from './lib/i18n/catalogues';
import { words } from './lib/i18n/words.svelte';

afterEach(() => {
  words.locale = 'es';
});

test.each(LOCALES)('%s: every text of the page is there, with its values', (locale) => {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
  words.locale = locale;
  const { body } = render(App, { props: { version: '7.8.9' } });
  expect(complaints).not.toHaveBeenCalled();
  expect(body).toContain('7.8.9');
  expect(body).not.toContain('role="alert"');
  complaints.mockRestore();
});

test('the two languages differ', () => {
  const pages = LOCALES.map((locale) => {
    words.locale = locale;
    return render(App, { props: { version: '1' } }).body;
  });
  expect(new Set(pages).size).toBe(LOCALES.length);
});

test('where the program does not answer, the page says so and why', () => {
  const { body } = render(App, { props: { reason: 'about not allowed' } });
  expect(body).toContain('role="alert"');
  expect(body).toContain('about not allowed');
});

test('a text that is not there shows its key and is reported', () => {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(words.say('no-such-text')).toBe('no-such-text');
  expect(complaints).toHaveBeenCalledOnce();
  complaints.mockRestore();
});
