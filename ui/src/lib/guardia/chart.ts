// What a chart shows, before anything is painted: which metrics, the lines on one axis of time, the span of values. Pure.
import type { BoardRow, Series } from '../wire';
import { type Line, stands_out } from './lines';

/** The metrics that are charted while nobody chose and nothing is wrong. */
const USUAL = ['error_rate', 'response_time'];

/** The metrics of `count` charts: what a person chose, then what is wrong, then the usual ones, then whatever there is. */
export function charted(lines: readonly Line[], chosen: string | null, count: number): string[] {
  const there = lines.map((line) => line.lead.metric);
  const wrong = lines.filter((line) => stands_out(line.lead)).map((line) => line.lead.metric);
  const wanted = [...(chosen === null ? [] : [chosen]), ...wrong, ...USUAL, ...there];
  return [...new Set(wanted)].filter((metric) => there.includes(metric)).slice(0, count);
}

/** A limit across a chart. */
export interface Limit {
  value: number;
  rule: BoardRow;
}

/** The limits of a metric: one for each value, the gravest rule of those that share it. */
export function limits(line: Line): Limit[] {
  const by_value = new Map<number, BoardRow>();
  // Rules come from mild to grave, so the last one of a value stays.
  for (const rule of line.rules) by_value.set(rule.limit, rule);
  return [...by_value].map(([value, rule]) => ({ value, rule }));
}

/** The lines of one signal, by side; a side without points is not there. */
export function sides(series: readonly Series[], signal: string): Series[] {
  return (['stable', 'canary', 'whole'] as const).flatMap((side) =>
    series.filter((one) => one.signal === signal && one.side === side && one.points.length > 0).slice(0, 1),
  );
}

/**
 * Lines on one axis of time (seconds): `null` is a gap and stays one, `undefined` is a moment that only another line has
 * and does not break this one.
 */
export function aligned(series: readonly Series[]): [number[], ...(number | null | undefined)[][]] {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const columns = series.map((one) => {
    const values = new Array<number | null | undefined>(times.length).fill(undefined);
    for (const [at, value] of one.points) values[place.get(at) ?? 0] = value;
    return values;
  });
  return [times.map((at) => at / 1000), ...columns];
}

/** A band on the axis of time of its line: the edges of the same moments. */
export interface Edges {
  upper: (number | null)[];
  lower: (number | null)[];
}

/**
 * The bands of lines at the moments of their axis: between two points of a band it is taken as straight; where nothing is known,
 * and outside of it, there is none.
 */
export function edges(series: readonly Series[], seconds: readonly number[]): Edges[] {
  return series.map(({ band }) => {
    const upper: (number | null)[] = [];
    const lower: (number | null)[] = [];
    let next = 0;
    for (const second of seconds) {
      const at = second * 1000;
      while (next < band.length && (band[next]?.[0] ?? 0) < at) next += 1;
      const [before, after] = [band[next - 1], band[next]];
      const [from, to] = [before?.[1], after?.[1]];
      if (after?.[0] === at && to) {
        lower.push(to[0]);
        upper.push(to[1]);
      } else if (before && after && from && to) {
        const share = (at - before[0]) / (after[0] - before[0]);
        lower.push(from[0] + (to[0] - from[0]) * share);
        upper.push(from[1] + (to[1] - from[1]) * share);
      } else {
        lower.push(null);
        upper.push(null);
      }
    }
    return { upper, lower };
  });
}

/** What a band says at its end, for who cannot see it; `null` where there is none. */
export function last_band({ band }: Series): readonly [number, number] | null {
  return band.at(-1)?.[1] ?? null;
}

/** From where to where the axis of values goes: all values and limits, with room above; zero is in it where near. */
export function span(series: readonly Series[], limits: readonly number[]): [number, number] {
  const values = series.flatMap((one) => one.points.flatMap(([, value]) => (value === null ? [] : [value])));
  const all = [...values, ...limits];
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const share = series[0]?.unit === 'ratio';
  // A share cannot be more than all, and a line that hugs 100 % needs no room above it.
  const top = share && high <= 1 ? Math.min(1, high * 1.15) : high * 1.15;
  // Values far from zero (91 % of 75 %) would be a flat line on an axis from zero.
  const bottom = low > 0.4 * high ? Math.max(0, low - (high - low) * 0.5) : Math.min(0, low);
  return top > bottom ? [bottom, top] : [bottom, bottom + 1];
}

/** The stretch of time that is shown, in ms: from the first phase on, at least ten minutes and at most a day. */
export function stretch(began: number, now: number): { from: number; to: number } {
  const length = Math.min(Math.max(now - began, 600_000), 86_400_000);
  return { from: Math.round(now - length), to: Math.round(now) };
}
