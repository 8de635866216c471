// The language of the screen and its texts: one rune store, read by every component.
import type { FluentVariable } from '@fluent/bundle';
import { bundle, LOCALES, type Locale } from './catalogues';

const bundles = new Map(LOCALES.map((locale) => [locale, bundle(locale)]));

let current = $state<Locale>(LOCALES[0]);

export const words = {
  get locale(): Locale {
    return current;
  },

  set locale(to: Locale) {
    current = to;
  },

  /** The text of `key`; the key itself where there is none, so that a gap is seen and nothing else breaks. */
  say(key: string, args: Record<string, FluentVariable> = {}): string {
    const texts = bundles.get(current);
    const pattern = texts?.getMessage(key)?.value;
    if (!texts || !pattern) {
      console.error(`no text for ${key} in ${current}`);
      return key;
    }
    const problems: Error[] = [];
    const text = texts.formatPattern(pattern, args, problems);
    for (const problem of problems) console.error(`${key} in ${current}:`, problem);
    return text;
  },
};
