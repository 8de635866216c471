import { describe, expect, test } from 'vitest';
import type { PhaseRow } from '../wire';
import { path, timeline } from './timeline';

const HOUR = 3_600_000;
const phase = (id: string, weight: number, more: Partial<PhaseRow> = {}): PhaseRow => ({
  id,
  name: id,
  weight,
  bake_ms: HOUR,
  baked_ms: 0,
  planned_start: null,
  entered_at: null,
  left_at: null,
  state: 'ahead',
  approvals: 0,
  checklist: null,
  ...more,
});

describe('planned', () => {
  test('phases without a date follow each other from the beginning', () => {
    const line = timeline([phase('a', 500), phase('b', 1000)], [], 0, 0);
    expect(line.phases.map((one) => one.planned)).toEqual([
      { from: 0, to: 0.5 },
      { from: 0.5, to: 1 },
    ]);
    expect(line.phases.every((one) => one.actual === null)).toBe(true);
  });

  test('a date of its own is kept', () => {
    const line = timeline([phase('a', 500), phase('b', 1000, { planned_start: 3 * HOUR })], [], 0, 0);
    expect(line.phases[1]?.planned).toEqual({ from: 0.75, to: 1 });
  });

  test('a phase that took longer moves those after it, and the line grows with it', () => {
    const line = timeline([phase('a', 500, { entered_at: 0, left_at: 3 * HOUR }), phase('b', 1000)], [], 0, 3 * HOUR);
    expect(line.to).toBe(4 * HOUR);
    expect(line.phases[0]?.planned).toEqual({ from: 0, to: 0.25 });
    expect(line.phases[0]?.actual).toEqual({ from: 0, to: 0.75 });
    expect(line.phases[1]?.planned).toEqual({ from: 0.75, to: 1 });
  });
});

describe('actual', () => {
  test('the present phase reaches to now', () => {
    const line = timeline([phase('a', 500, { entered_at: HOUR / 2, state: 'present' }), phase('b', 1000)], [], 0, HOUR);
    expect(line.phases[0]?.actual).toEqual({ from: 0.2, to: 0.4 });
    expect(line.now).toBe(0.4);
    expect(line.actual).toEqual([
      { x: 0, weight: 0 },
      { x: 0.2, weight: 500 },
      { x: 0.4, weight: 500 },
    ]);
  });

  test('a rollback takes the weight to zero when the phase was left', () => {
    const line = timeline([phase('a', 500, { entered_at: 0, left_at: HOUR / 2, state: 'rolled-back' })], [], 0, HOUR);
    expect(line.actual.map((corner) => corner.weight)).toEqual([0, 500, 0, 0]);
    expect(line.actual.at(-2)?.x).toBe(0.5);
  });
});

test('alerts stand where they began', () => {
  const alert = { id: 'r', severity: 'high', sentence: { code: 'c', args: {} }, since: HOUR / 4, resolved_at: null, acknowledged: null } as const;
  expect(timeline([phase('a', 500)], [alert], 0, HOUR).alerts).toEqual([{ x: 0.25, alert }]);
});

test('labels stand at whole moments, and not too many', () => {
  const { ticks } = timeline([phase('a', 500, { bake_ms: 8 * 60_000 })], [], 30_000, 30_000);
  expect(ticks.map((tick) => tick.at / 60_000)).toEqual([2, 4, 6, 8]);
  expect(timeline([phase('a', 500, { bake_ms: 49 * 24 * HOUR })], [], 0, 0).ticks.length).toBeLessThanOrEqual(8);
});

test('a rollout that has no phases and no length is still drawn', () => {
  const line = timeline([], [], 5, 5);
  expect([line.from, line.to, line.now]).toEqual([5, 60_005, 0]);
});

test('the path steps; it does not slope', () => {
  const corners = [
    { x: 0, weight: 0 },
    { x: 0.5, weight: 5000 },
    { x: 1, weight: 5000 },
  ];
  expect(path(corners, 200, 40)).toBe('M0,40H100V20H200V20');
});
