import { expect, test } from 'vitest';
import { picture } from '../testing/picture';
import type { Batch } from '../wire';
import { after } from './delta';

const first = (): Batch => {
  const { revision, at, ...sections } = picture();
  return { revision, at, sections };
};

test('the first batch is everything', () => {
  expect(after(null, first())).toEqual(picture());
});

test('nothing is shown from a batch that leaves something out, as long as nothing is known', () => {
  const { sections, ...rest } = first();
  const { emergency: _, ...without } = sections;
  expect(after(null, { ...rest, sections: without })).toBeNull();
});

test('a later batch replaces its sections and leaves the others the same objects', () => {
  const known = after(null, first())!;
  const units = { stable: 40, canary: 3 };
  const next = after(known, { revision: known.revision + 1, at: known.at + 500, sections: { units } });
  expect(next).toEqual({ ...known, units, revision: known.revision + 1, at: known.at + 500 });
  expect(next?.board).toBe(known.board);
  expect(known.units).not.toEqual(units);
});

test('a batch in which only time went on moves the time', () => {
  const known = after(null, first())!;
  expect(after(known, { revision: known.revision, at: known.at + 1, sections: {} })?.at).toBe(known.at + 1);
});

test('a batch that was overtaken changes nothing', () => {
  const known = after(null, first())!;
  expect(after(known, { revision: known.revision - 1, at: 0, sections: { units: { stable: 0, canary: 0 } } })).toBe(known);
});

test('a batch that holds everything takes the place of what is known, whatever its number', () => {
  const known = { ...after(null, first())!, revision: 5_000 };
  const other = first();
  other.sections.units = { stable: 1, canary: 0 };
  expect(after(known, { ...other, revision: 1 })).toEqual({ ...picture(), ...other.sections, revision: 1 });
});

test('an empty list is a change', () => {
  const known = after(null, first())!;
  expect(known.alerts).not.toEqual([]);
  expect(after(known, { revision: 100, at: known.at, sections: { alerts: [] } })?.alerts).toEqual([]);
});
