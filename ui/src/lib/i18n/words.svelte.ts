// The language of the screen, its texts and its numbers: one rune store, read by every component.
import type { FluentVariable } from '@fluent/bundle';
import { Format } from '../format/format';
import type { Arg, Sentence } from '../wire';
import { bundle, LOCALES, type Locale } from './catalogues';

const bundles = new Map(LOCALES.map((locale) => [locale, bundle(locale)]));

let current = $state<Locale>(LOCALES[0]);
let format = $state.raw(new Format(LOCALES[0]));

export const words = {
  get locale(): Locale {
    return current;
  },

  set locale(to: Locale) {
    current = to;
    format = new Format(to);
  },

  /** How numbers and times are written. */
  get format(): Format {
    return format;
  },

  /** The text of `key`; the key itself where there is none, so that a gap is seen and nothing else breaks. */
  say(key: string, args: Record<string, FluentVariable> = {}): string {
    const text = this.maybe(key, args);
    if (text === null) console.error(`no text for ${key} in ${current}`);
    return text ?? key;
  },

  /** The text of `key`, or `null` where the catalogue has none. */
  maybe(key: string, args: Record<string, FluentVariable> = {}): string | null {
    const texts = bundles.get(current);
    const pattern = texts?.getMessage(key)?.value;
    if (!texts || !pattern) return null;
    const problems: Error[] = [];
    const text = texts.formatPattern(pattern, args, problems);
    for (const problem of problems) console.error(`${key} in ${current}:`, problem);
    return text;
  },

  /** A sentence of the wire. */
  tell(sentence: Sentence): string {
    const args: Record<string, FluentVariable> = {};
    for (const [name, arg] of Object.entries(sentence.args)) args[name] = filled(arg);
    // A failure that has no sentence of its own is told in the words of whoever failed.
    const text = this.maybe(sentence.code, args);
    if (text !== null) return text;
    const own = sentence.args['text'];
    return own?.kind === 'text' ? own.value : this.say(sentence.code, args);
  },

  /** A text as it begins a sentence: those of the catalogues are written to stand within one. */
  begin(text: string): string {
    return text.charAt(0).toLocaleUpperCase(current) + text.slice(1);
  },

  /** What a plan names: its own text where the catalogues know it, else the name as it is written. */
  named(prefix: string, name: string): string {
    return this.maybe(`${prefix}-${name.replaceAll(/[_.]/g, '-')}`) ?? name;
  },
};

function filled(arg: Arg): FluentVariable {
  switch (arg.kind) {
    case 'text':
      return arg.value;
    case 'count':
      // A number, because catalogues choose the plural by it.
      return arg.value;
    case 'weight':
      return format.weight(arg.value);
    case 'value':
      return format.value(arg.value.number, arg.value.unit);
    case 'millis':
      return format.duration(arg.value);
    case 'tenths':
      return format.value(arg.value / 10, 'count');
    case 'time':
      return format.clock(arg.value);
    case 'sentence':
      return words.tell(arg.value);
    case 'sentences':
      return format.list(arg.value.map((sentence) => words.tell(sentence)));
  }
}
