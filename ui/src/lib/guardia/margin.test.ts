import { describe, expect, test } from 'vitest';
import { margin } from './margin';

describe('lower is better', () => {
  test('the bar fills towards the limit, which stands at three quarters', () => {
    expect(margin(0.05, [0.1], 'lower', 1)).toEqual({ fill: 0.375, limits: [0.75], beyond: false });
  });

  test('a milder limit stands before the worst one', () => {
    expect(margin(0, [0.05, 0.1], 'lower', 1).limits).toEqual([0.375, 0.75]);
  });

  test('beyond the limit it goes on, and ends at the edge', () => {
    expect(margin(0.12, [0.1], 'lower', 1).fill).toBeCloseTo(0.9);
    expect(margin(0.12, [0.1], 'lower', 1).beyond).toBe(true);
    expect(margin(0.9, [0.1], 'lower', 1).fill).toBe(1);
  });
});

describe('higher is better', () => {
  test('the bar is mirrored: the best value leaves it empty', () => {
    expect(margin(1, [0.75], 'higher', 1)).toEqual({ fill: 0, limits: [0.75], beyond: false });
  });

  test('getting worse fills it, as with every other metric', () => {
    const [good, worse, bad] = [0.91, 0.8, 0.7].map((value) => margin(value, [0.75], 'higher', 1));
    expect(good?.fill).toBeCloseTo(0.27);
    expect(worse?.fill).toBeCloseTo(0.6);
    expect(bad?.fill).toBeCloseTo(0.9);
    expect([good?.beyond, worse?.beyond, bad?.beyond]).toEqual([false, false, true]);
  });

  test('the milder of two limits, which is the higher one, stands first', () => {
    const { limits } = margin(1, [0.85, 0.75], 'higher', 1);
    expect(limits[0]).toBeCloseTo(0.45);
    expect(limits[1]).toBeCloseTo(0.75);
  });

  test('without a best value the distance is relative to the limit', () => {
    expect(margin(150, [100], 'higher', null).fill).toBeCloseTo(0.375);
    expect(margin(500, [100], 'higher', null).fill).toBe(0);
    expect(margin(0, [1], 'higher', null)).toEqual({ fill: 1, limits: [0.75], beyond: true });
  });

  test('standing on the limit is no breach', () => {
    expect(margin(1, [1], 'higher', null)).toEqual({ fill: 0.75, limits: [0.75], beyond: false });
    expect(margin(0.1, [0.1], 'lower', 1)).toEqual({ fill: 0.75, limits: [0.75], beyond: false });
  });
});

describe('what is missing', () => {
  test('no value fills nothing and is not beyond, and the limit stays', () => {
    expect(margin(null, [0.1], 'lower', 1)).toEqual({ fill: null, limits: [0.75], beyond: false });
  });

  test('a limit of zero leaves no room', () => {
    expect(margin(0, [0], 'lower', null).fill).toBe(0.75);
    expect(margin(1, [0], 'lower', null).fill).toBe(1);
  });
});
