import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bundle, choose, LOCALES, sources } from './catalogues';

describe('catalogues', () => {
  test.each(LOCALES)('%s: every entry of the files is read', (locale) => {
    const texts = bundle(locale);
    // Fluent drops what it cannot parse without a word; so count the entries that the files begin.
    const keys = sources(locale).flatMap((source) => [...source.matchAll(/^([a-z][\w-]*)\s*=/gm)].map((m) => m[1] ?? ''));
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !texts.getMessage(key)?.value)).toEqual([]);
  });
});

describe('choose', () => {
  test.each([
    [['en-GB', 'es'], 'en'],
    [['pt-BR', 'en-US'], 'en'],
    [['es_CO.UTF-8'], 'es'],
    [['fr'], 'es'],
    [['C'], 'es'],
    [[], 'es'],
  ] as const)('%j speaks %s', (wanted, spoken) => {
    expect(choose(wanted)).toBe(spoken);
  });
});

test('both languages have the same texts, with the same places to fill', () => {
  const texts = (locale: (typeof LOCALES)[number]) =>
    Object.fromEntries(
      sources(locale)
        .join('\n')
        .split(/^(?=[a-z][\w-]*\s*=)/m)
        .map((entry) => [/^[a-z][\w-]*(?=\s*=)/.exec(entry)?.[0], [...new Set([...entry.matchAll(/\$(\w+)/g)].map((m) => m[1]))].sort()])
        .filter(([key]) => key !== undefined),
    );
  expect(texts('en')).toEqual(texts('es'));
});

test('whatever the wire and the console say has a text', () => {
  const root = new URL('../../../../src-tauri/crates/', import.meta.url);
  const files = ['wire/src/told.rs', 'bridge/src/console.rs', 'bridge/src/berth.rs', ...readdirSync(new URL('bridge/src/berth/', root)).map((name) => `bridge/src/berth/${name}`), ...readdirSync(new URL('bridge/src/console/', root)).filter((name) => name.endsWith('.rs') && name !== 'tests.rs').map((name) => `bridge/src/console/${name}`), 'bridge/src/console/plan/figures.rs', 'bridge/src/console/plan/planner.rs'];
  const said = files.flatMap((file) =>
    [...readFileSync(new URL(file, root), 'utf8').matchAll(/"((?:acknowledged|advice|blocker|cause|check|deed|error|gate|hold|metric|notice|plan|rejection|rule|side|signal-of|stage)(?:-[a-z-]+)?)"/g)].map((m) => m[1] ?? ''),
  );
  expect(said.length).toBeGreaterThan(50);
  for (const locale of LOCALES) expect([...new Set(said)].filter((key) => !bundle(locale).getMessage(key)?.value && !WORDS.has(key))).toEqual([]);
});

/** Names of arguments and of columns, which are no keys. */
const WORDS = new Set(['cause', 'gate', 'hold', 'metric', 'metric-', 'plan', 'rule', 'side', 'stage']);
