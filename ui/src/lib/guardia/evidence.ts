// How strong the evidence is, on a bar in powers of ten. Pure geometry and numbers: no colour, no text.
import type { EvidenceRow } from '../wire';

/** Beyond this many times nobody reads the digits. */
export const MOST = 1_000_000;

/** A bar in shares of its width. */
export interface Meter {
  /** How far the evidence fills it; 0 where the data speak for the new system, or for neither. */
  fill: number;
  /** Where it freezes. */
  alert: number;
  /** Where it puts back; `null` where nothing of this metric does. */
  rollback: number | null;
  /** What has been passed. */
  passed: 'none' | 'alert' | 'rollback';
}

/** The last threshold stands at three quarters, so that what is beyond has room. */
const LAST = 0.75;

/** The meter of a metric; `null` where only one side is measured. */
export function meter(row: EvidenceRow): Meter | null {
  const strength = strongest(row);
  if (strength === null) return null;
  const last = Math.max(row.alert_at, row.rollback_at ?? 0);
  const place = (log10: number) => Math.min(1, Math.max(0, (log10 / last) * LAST));
  const rollback = row.rollback_at;
  const passed = rollback !== null && strength >= rollback ? 'rollback' : strength >= row.alert_at ? 'alert' : 'none';
  return { fill: place(strength), alert: place(row.alert_at), rollback: rollback === null ? null : place(rollback), passed };
}

/** What is proved: beside the old system, or against what that used to have. */
export function strongest({ log10_r, log10_history }: EvidenceRow): number | null {
  return log10_r === null || log10_history === null ? (log10_r ?? log10_history) : Math.max(log10_r, log10_history);
}

/** How many times likelier, from its log10; never more than `MOST`. */
export function times(log10: number): number {
  return Math.min(MOST, 10 ** log10);
}
