import { describe, expect, test } from 'vitest';
import { Format } from './format';

// Intl sets no-break spaces; the table below is easier to read with ordinary ones.
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');
const es = new Format('es', 'America/Bogota');
const en = new Format('en', 'America/Bogota');

test.each([
  [500, '5 %', '5%'],
  [470, '4,7 %', '4.7%'],
  [1, '0,01 %', '0.01%'],
  [10_000, '100 %', '100%'],
  [null, '—', '—'],
])('a weight of %j hundredths', (weight, spanish, english) => {
  expect([plain(es.weight(weight)), plain(en.weight(weight))]).toEqual([spanish, english]);
});

test.each([
  [0.0214, 'ratio', '2,1 %', '2.1%'],
  [0.143, 'ratio', '14 %', '14%'],
  [0, 'ratio', '0 %', '0%'],
  [1.07, 'seconds', '1,07 s', '1.07s'],
  [185, 'seconds', '185 s', '185s'],
  [3, 'count', '3', '3'],
  [18_204, 'count', '18.204', '18,204'],
  [undefined, 'count', '—', '—'],
] as const)('a value of %j in %s', (value, unit, spanish, english) => {
  expect([plain(es.value(value, unit)), plain(en.value(value, unit))]).toEqual([spanish, english]);
});

test.each([
  [1_449, '1,4 s', '1.4s', '0:01'],
  [14_900, '14 s', '14s', '0:14'],
  [200_000, '3 min 20 s', '3m 20s', '3:20'],
  [3_600_000, '1 h', '1h', '1:00:00'],
  [97_200_000, '1 d 3 h', '1d 3h', '27:00:00'],
  [-5, '0 s', '0s', '0:00'],
])('a duration of %j ms', (ms, spanish, english, watch) => {
  expect([plain(es.duration(ms)), plain(en.duration(ms)), es.stopwatch(ms)]).toEqual([spanish, english, watch]);
});

test.each([
  [14_900, '14 s', '14s'],
  [119_000, '1 min', '1m'],
  [7_199_000, '1 h', '1h'],
  [172_800_000, '2 d', '2d'],
])('an age of %j ms', (ms, spanish, english) => {
  expect([plain(es.age(ms)), plain(en.age(ms))]).toEqual([spanish, english]);
});

describe('times', () => {
  const at = Date.UTC(2026, 10, 22, 19, 17, 46);

  test('are of the zone of the environment and always of 24 hours', () => {
    expect([es.clock(at), en.clock(at), es.minute(at)]).toEqual(['14:17:46', '14:17:46', '14:17']);
    expect([es.date(at), en.date(at)]).toEqual(['22/11', '22/11']);
  });

  test('midnight is 00 and not 24', () => {
    expect(en.clock(Date.UTC(2026, 10, 22, 5))).toBe('00:00:00');
  });

  test('a zone that nobody knows is no reason to show nothing', () => {
    expect(new Format('es', 'Nowhere/Else').clock(at)).toMatch(/^\d\d:17:46$/);
  });

  test('ticks say the day only where days count', () => {
    expect(es.tick(at, 7 * 86_400_000)).toBe('22/11');
    expect(es.tick(at, 86_400_000)).toBe('14:17');
    expect(es.tick(at, 300_000)).toBe('14:17:46');
  });
});
