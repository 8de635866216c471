// What a person writes about the traffic of today, and what is asked of the planner with it. Pure: no text, no host.
import type { MeasuredToday, PowerAsk } from '../wire';

/** Where nothing was measured. The share is the planner's own; the calls are those of a small office. */
const ASSUMED = { units: 300, base: 0.02 };

/** The fields as they stand: numbers of calls, and percentages; `null` is an empty field. */
export interface Draft {
  units: number | null;
  base: number | null;
  shares: Record<string, number | null>;
}

/** What of a draft was measured. */
export type Origin = 'measured' | 'partly' | 'assumed';

const percent = (share: number) => Math.round(share * 1000) / 10;

/** The fields at first: what was measured, else an assumption; a share that nobody measured stays empty. */
export function draft(today: MeasuredToday): Draft {
  return {
    units: today.units_per_day ?? ASSUMED.units,
    base: percent(today.base ?? ASSUMED.base),
    shares: Object.fromEntries(today.shares.map(({ metric, value }) => [metric, value === null ? null : percent(value)])),
  };
}

export function origin(today: MeasuredToday): Origin {
  const known = [today.units_per_day, today.base].filter((one) => one !== null).length;
  return known === 2 ? 'measured' : known === 1 ? 'partly' : 'assumed';
}

/** The question; an empty field of a share leaves that out, any other is for the planner to refuse. */
export function question(draft: Draft): Omit<PowerAsk, 'have'> {
  const shares = Object.entries(draft.shares).flatMap(([metric, value]) => (value === null ? [] : [[metric, value / 100] as const]));
  return { units_per_day: draft.units ?? 0, base: (draft.base ?? -1) / 100, shares: Object.fromEntries(shares) };
}
