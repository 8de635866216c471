import { describe, expect, it } from 'vitest';
import type { EvidenceRow } from '../wire';
import { MOST, meter, times } from './evidence';

const tally = { bad: 0, total: 18, lower: 0, upper: 0.15 };
const row = (more: Partial<EvidenceRow>): EvidenceRow => ({
  metric: 'error_rate',
  signal: 'errores',
  kind: 'share',
  above: null,
  unit: 'ratio',
  canary: tally,
  stable: tally,
  log10_r: 0,
  log10_history: null,
  share: null,
  mean: null,
  alert_at: 1.5,
  rollback_at: 2,
  observational: false,
  goal: null,
  ...more,
});

describe('the meter', () => {
  it('stands on the thresholds where the evidence does', () => {
    expect(meter(row({ log10_r: 2 }))).toEqual({ fill: 0.75, alert: 0.5625, rollback: 0.75, passed: 'rollback' });
    expect(meter(row({ log10_r: 1.5 }))?.passed).toBe('alert');
    expect(meter(row({ log10_r: 1.499 }))?.passed).toBe('none');
  });

  it('is empty where the data speak for the new system, and full at most', () => {
    expect(meter(row({ log10_r: -3 }))?.fill).toBe(0);
    expect(meter(row({ log10_r: 40 }))?.fill).toBe(1);
  });

  it('has no place for a rollback that no rule may do, and none at all for one side', () => {
    expect(meter(row({ rollback_at: null }))).toMatchObject({ alert: 0.75, rollback: null });
    expect(meter(row({ log10_r: null }))).toBeNull();
  });

  it('says numbers that can be read', () => {
    expect(times(2)).toBe(100);
    expect(times(300)).toBe(MOST);
  });
});
