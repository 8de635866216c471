// The texts of the page, taken into it when it is built: its own, and the sentences that every surface shares.
import { FluentBundle, FluentResource } from '@fluent/bundle';

/** The languages that the screen speaks; the first is spoken to whoever wants another. */
export const LOCALES = ['es', 'en'] as const;
export type Locale = (typeof LOCALES)[number];

const FILES = import.meta.glob<string>('../../../../locales/*/{notices,plan,window}.ftl', { query: '?raw', import: 'default', eager: true });

/** The files of one language, as they are on disk. */
export function sources(locale: Locale): string[] {
  return Object.entries(FILES)
    .filter(([path]) => path.includes(`/locales/${locale}/`))
    .map(([, text]) => text);
}

/** All texts of one language. */
export function bundle(locale: Locale): FluentBundle {
  // Isolation marks would stand between a number and its unit when somebody copies a text.
  const made = new FluentBundle(locale, { useIsolating: false });
  for (const source of sources(locale)) {
    made.addResource(new FluentResource(source));
  }
  return made;
}

/** The first of the wanted languages that the screen speaks. `wanted` are BCP 47 or POSIX tags. */
export function choose(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split(/[-_.@]/)[0];
    const spoken = LOCALES.find((locale) => locale === language);
    if (spoken) return spoken;
  }
  return LOCALES[0];
}
