import { describe, expect, test } from 'vitest';
import type { MeasuredToday } from '../wire';
import { draft, origin, question } from './today';

const measured = (more: Partial<MeasuredToday> = {}): MeasuredToday => ({ units_per_day: 1440, over_ms: 3_600_000, base: 0.0235, shares: [{ metric: 'abandonment', value: 0.061 }, { metric: 'speech_recognition', value: null }], ...more });

describe('the fields', () => {
  test('are what was measured, in percent; a share that nobody measured is empty', () => {
    expect(draft(measured())).toEqual({ units: 1440, base: 2.4, shares: { abandonment: 6.1, speech_recognition: null } });
    expect(origin(measured())).toBe('measured');
  });

  test('are an assumption where nothing was, and say so', () => {
    const nothing = measured({ units_per_day: null, base: null });
    expect(draft(nothing)).toMatchObject({ units: 300, base: 2 });
    expect(origin(nothing)).toBe('assumed');
    expect(origin(measured({ base: null }))).toBe('partly');
  });
});

describe('the question', () => {
  test('asks in shares, and not for what is empty', () => {
    expect(question({ units: 300, base: 2, shares: { abandonment: 6, speech_recognition: null } })).toEqual({ units_per_day: 300, base: 0.02, shares: { abandonment: 0.06 } });
  });

  test('an empty field is nothing that a planner takes', () => {
    const { units_per_day, base } = question({ units: null, base: null, shares: {} });
    expect(units_per_day).toBeLessThan(1);
    expect(base).toBeLessThan(0);
  });
});
