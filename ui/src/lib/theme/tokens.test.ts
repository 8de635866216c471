// Every pair of colours that text is set in can be read (WCAG 2.2 AA: 4.5 to 1; shapes and edges 3 to 1), in both themes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');
const TOKENS = new Map(
  [...css.matchAll(/^\s*--([\w-]+):\s*(?:light-dark\((#\w{6}),\s*(#\w{6})\)|(#\w{6}));/gm)].map(([, name, light, dark, both]) => [
    name,
    [light ?? both ?? '', dark ?? both ?? ''] as const,
  ]),
);

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

const TEXT: [string, string[]][] = [
  ['ink', ['ground', 'panel', 'raised', 'warn-ground', 'critical-ground']],
  ['ink-dim', ['ground', 'panel', 'raised']],
  ['warn', ['panel']],
  ['critical', ['panel', 'raised', 'critical-ground']],
  ['canary', ['panel']],
  ['emergency-ink', ['emergency', 'emergency-pressed']],
  ['real-ink', ['real', 'real-hatch']],
  ['simulated-ink', ['simulated', 'simulated-hatch']],
];
const SHAPES: [string, string[]][] = [
  ['edge', ['panel', 'raised']],
  ['stable', ['panel', 'line']],
  ['canary', ['panel']],
  ['warn', ['line', 'warn-ground']],
  ['critical', ['line']],
  ['emergency-frame', ['emergency-stripe']],
];
const pairs = (all: [string, string[]][], least: number) =>
  all.flatMap(([one, grounds]) => grounds.flatMap((ground) => (['light', 'dark'] as const).map((theme) => [one, ground, theme, least] as const)));

test.each([...pairs(TEXT, 4.5), ...pairs(SHAPES, 3)])('%s on %s, %s: at least %d', (one, ground, theme, least) => {
  const place = theme === 'light' ? 0 : 1;
  expect(contrast(TOKENS.get(one)?.[place] ?? '', TOKENS.get(ground)?.[place] ?? '')).toBeGreaterThanOrEqual(least);
});
