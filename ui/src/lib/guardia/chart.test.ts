import { describe, expect, test } from 'vitest';
import { row } from '../testing/picture';
import type { Point, Series } from '../wire';
import { aligned, charted, edges, last_band, limits, sides, span, stretch } from './chart';
import { lines } from './lines';

const series = (side: Series['side'], points: Point[], more: Partial<Series> = {}): Series => ({
  metric: 'error_rate',
  signal: 'errores',
  side,
  unit: 'ratio',
  points,
  band: [],
  ...more,
});

describe('charted', () => {
  const board = [row({ metric: 'abandonment' }), row({ metric: 'response_time' }), row({ metric: 'error_rate' })];

  test('the usual ones while all is calm', () => {
    expect(charted(lines(board), null, 2)).toEqual(['error_rate', 'response_time']);
  });

  test('what is wrong comes first, and what a person chose before that', () => {
    const wrong = lines([...board, row({ metric: 'memory', state: 'firing' })]);
    expect(charted(wrong, null, 2)).toEqual(['memory', 'error_rate']);
    expect(charted(wrong, 'abandonment', 2)).toEqual(['abandonment', 'memory']);
  });

  test('a warning that has not lasted yet changes nothing', () => {
    const soon = lines([...board, row({ metric: 'memory', state: 'pending', action: 'notify' })]);
    expect(charted(soon, null, 2)).toEqual(['error_rate', 'response_time']);
  });

  test('a plan without the usual ones still has charts', () => {
    expect(charted(lines([row({ metric: 'cpu' })]), 'gone', 2)).toEqual(['cpu']);
  });
});

test('rules that share a limit are one limit, named by the gravest', () => {
  const [line] = lines([row({ rule: 'n', action: 'notify', limit: 0.05 }), row({ rule: 'a', action: 'alert', limit: 0.05 }), row()]);
  expect(limits(line!).map((limit) => [limit.value, limit.rule.rule])).toEqual([
    [0.05, 'a'],
    [0.1, 'errores-10'],
  ]);
});

test('only the lines of the signal that the rule looks at, stable below canary', () => {
  const all = [series('canary', [[1, 0]]), series('stable', [[1, 0]]), series('whole', []), series('stable', [[1, 9]], { signal: 'other' })];
  expect(sides(all, 'errores').map((one) => one.side)).toEqual(['stable', 'canary']);
});

test('a gap stays a gap; a moment of the other line is none', () => {
  const lines = [
    series('stable', [
      [1000, 0.1],
      [2000, null],
      [3000, 0.2],
    ]),
    series('canary', [[1500, 0.5]]),
  ];
  expect(aligned(lines)).toEqual([
    [1, 1.5, 2, 3],
    [0.1, undefined, null, 0.2],
    [undefined, 0.5, undefined, undefined],
  ]);
});

describe('span', () => {
  test('holds all values and limits, from zero', () => {
    const [low, high] = span([series('canary', [[1, 0.02]])], [0.1]);
    expect(low).toBe(0);
    expect(high).toBeCloseTo(0.115);
  });

  test('does not flatten what is far from zero, and no share is above all', () => {
    const [low, high] = span([series('canary', [[1, 0.91]])], [0.75]);
    expect(low).toBeCloseTo(0.67);
    expect(high).toBe(1);
  });

  test('is never empty', () => {
    expect(span([], [])).toEqual([0, 1]);
    expect(span([series('canary', [[1, 0]])], [0])).toEqual([0, 1]);
  });
});

test('the stretch begins with the rollout, within ten minutes and a day', () => {
  expect(stretch(0, 60_000)).toEqual({ from: -540_000, to: 60_000 });
  expect(stretch(0, 3_600_000)).toEqual({ from: 0, to: 3_600_000 });
  expect(stretch(0, 172_800_000)).toEqual({ from: 86_400_000, to: 172_800_000 });
});

describe('edges', () => {
  const band: Series['band'] = [[1_000, null], [2_000, [0, 0.9]], [4_000, [0.1, 0.5]], [5_000, null], [6_000, [0, 0.8]]];

  test('a band is straight between its points and breaks where nothing is known', () => {
    const [one] = edges([series('canary', [], { band })], [1, 2, 3, 4, 4.5, 5, 5.5, 6, 7]);
    expect(one?.upper).toEqual([null, 0.9, 0.7, 0.5, null, null, null, 0.8, null]);
    expect(one?.lower).toEqual([null, 0, 0.05, 0.1, null, null, null, 0, null]);
  });

  test('a line without a band has none anywhere', () => {
    expect(edges([series('stable', [])], [1, 2])).toEqual([{ upper: [null, null], lower: [null, null] }]);
    expect(last_band(series('stable', []))).toBeNull();
    expect(last_band(series('canary', [], { band }))).toEqual([0, 0.8]);
  });

  test('the axis follows lines and limits: a band that may be anything leaves it as it is', () => {
    const points: Point[] = [[0, 0.02], [1_000, 0.03]];
    expect(span([series('canary', points, { band })], [0.1])).toEqual(span([series('canary', points)], [0.1]));
  });
});
