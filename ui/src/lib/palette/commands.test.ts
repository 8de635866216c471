import { expect, test } from 'vitest';
import { type Command, found } from './commands';

const command = (label: string, more?: string): Command => ({ id: label, label, run: () => {}, ...(more ? { more } : {}) });
const all = [command('Revertir ivr-texml a 0 %'), command('Congelar el avance'), command('Idioma: inglés', 'English')];
const labels = (sought: string) => found(all, sought).map((one) => one.label);

test.each([
  ['', 3],
  ['  ', 3],
  ['REVERTIR', 1],
  ['ingles', 1],
  ['english', 1],
  ['avance congelar', 1],
  ['a', 3],
  ['revertir avance', 0],
])('%j finds %i', (sought, count) => {
  expect(labels(sought)).toHaveLength(count);
});
