// Where value and limits stand on a margin bar. Pure geometry: no colour, no text.
//
// The bar always fills towards the danger on its right: for a metric where higher is better it is mirrored, so that
// a long bar means "little margin" on every line of the board.

/** Which way is better. */
export type Better = 'lower' | 'higher';

/** A bar in shares of its width, 0 (safe) to 1. */
export interface Margin {
  /** How far the value fills it; `null` where there is no value. */
  fill: number | null;
  /** Where each limit stands, in the order given. */
  limits: number[];
  /** Whether the value is beyond the worst limit; standing on it is no breach, as in the rules. */
  beyond: boolean;
}

/** How much of the bar lies before the worst limit, so that a breach has room to show how far it went. */
const BEFORE_LIMIT = 0.75;

/**
 * The bar of `value` against `limits` (the worst is the one furthest towards bad). `ceiling` is the best possible
 * value of a metric where higher is better (1 for a share); where there is none, the distance is relative to the limit.
 */
export function margin(value: number | null, limits: readonly number[], better: Better, ceiling: number | null): Margin {
  if (limits.length === 0) return { fill: null, limits: [], beyond: false };
  const worst = better === 'lower' ? Math.max(...limits) : Math.min(...limits);
  const place = better === 'lower' ? rising(worst) : falling(worst, ceiling);
  return {
    fill: value === null ? null : clamp(place(value)),
    limits: limits.map((limit) => clamp(place(limit))),
    beyond: value !== null && (better === 'lower' ? value > worst : value < worst),
  };
}

/** Zero is the left end, the limit stands at three quarters. */
function rising(worst: number): (value: number) => number {
  // A limit of zero leaves no room: anything above it is beyond.
  if (worst <= 0) return (value) => (value > worst ? 1 : BEFORE_LIMIT * Number(value === worst));
  return (value) => (value / worst) * BEFORE_LIMIT;
}

/** The best value is the left end, the limit stands at three quarters, zero is further right. */
function falling(worst: number, ceiling: number | null): (value: number) => number {
  const best = ceiling !== null && ceiling > worst ? ceiling : worst > 0 ? worst * 2 : 1;
  return (value) => ((best - value) / (best - worst)) * BEFORE_LIMIT;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
