// Where phases, marks and weights stand on the time line. Pure geometry in shares of its width (0 to 1).
import type { Alert, PhaseRow } from '../wire';

/** A stretch of time, in shares of the width. */
export interface Stretch {
  from: number;
  to: number;
}

/** A phase on the line: what was planned, and what happened so far. */
export interface PhaseLine {
  phase: PhaseRow;
  planned: Stretch;
  /** `null` before it was entered. */
  actual: Stretch | null;
}

/** A corner of the weight's steps; `weight` in hundredths of a percent. */
export interface Step {
  x: number;
  weight: number;
}

/** The whole line. */
export interface Timeline {
  /** The first and last moment, in ms UTC. */
  from: number;
  to: number;
  now: number;
  phases: PhaseLine[];
  /** Corners of the planned and the actual weight; between two corners the first one's weight holds. */
  planned: Step[];
  actual: Step[];
  alerts: { x: number; alert: Alert }[];
  /** Moments for the labels below. */
  ticks: { x: number; at: number }[];
}

/** How many labels stand below the line at most. */
const TICKS = 7;
/** A line shorter than this is drawn as if it had this length. */
const SHORTEST_MS = 60_000;

/** The line of a rollout that began at `began`, at `now` (both ms UTC). */
export function timeline(phases: readonly PhaseRow[], alerts: readonly Alert[], began: number, now: number): Timeline {
  const plans = planned(phases, began);
  const from = Math.min(began, ...plans.map((plan) => plan.from));
  const to = Math.max(now, from + SHORTEST_MS, ...plans.map((plan) => plan.to));
  const x = (at: number) => Math.min(1, Math.max(0, (at - from) / (to - from)));
  const stretch = (a: number, b: number): Stretch => ({ from: x(a), to: x(b) });
  return {
    from,
    to,
    now: x(now),
    phases: phases.map((phase, index) => ({
      phase,
      planned: stretch(plans[index]?.from ?? from, plans[index]?.to ?? to),
      actual: phase.entered_at === null ? null : stretch(phase.entered_at, phase.left_at ?? now),
    })),
    planned: steps(phases.map((phase, index) => ({ at: plans[index]?.from ?? from, weight: phase.weight })), x, to),
    actual: steps(shifts(phases), x, now),
    alerts: alerts.map((alert) => ({ x: x(alert.since), alert })),
    ticks: ticks(from, to).map((at) => ({ x: x(at), at })),
  };
}

/** A phase without a date of its own follows the one before it, and what already happened moves what is to come. */
function planned(phases: readonly PhaseRow[], began: number): { from: number; to: number }[] {
  let free = began;
  return phases.map((phase) => {
    const from = phase.planned_start ?? phase.entered_at ?? free;
    const to = from + phase.bake_ms;
    free = Math.max(to, phase.left_at ?? 0);
    return { from, to };
  });
}

/** When the weight changed: entering a phase raises it, putting back from it lowers it to zero. */
function shifts(phases: readonly PhaseRow[]): { at: number; weight: number }[] {
  const changes = phases.flatMap((phase) => [
    ...(phase.entered_at === null ? [] : [{ at: phase.entered_at, weight: phase.weight }]),
    ...(phase.left_at === null || phase.state !== 'rolled-back' ? [] : [{ at: phase.left_at, weight: 0 }]),
  ]);
  return changes.sort((a, b) => a.at - b.at);
}

function steps(changes: readonly { at: number; weight: number }[], x: (at: number) => number, end: number): Step[] {
  const corners: Step[] = [{ x: 0, weight: 0 }];
  for (const change of changes) corners.push({ x: x(change.at), weight: change.weight });
  const last = corners.at(-1);
  return last ? [...corners, { x: x(end), weight: last.weight }] : corners;
}

/** Lengths between labels that people count in. */
const STRIDES = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_419_200,
].map((seconds) => seconds * 1000);

function ticks(from: number, to: number): number[] {
  const stride = STRIDES.find((length) => (to - from) / length <= TICKS) ?? Math.ceil((to - from) / TICKS);
  const found: number[] = [];
  for (let at = Math.ceil(from / stride) * stride; at <= to; at += stride) found.push(at);
  return found;
}

/** The path of `corners` as steps, in a box of `width` x `height`; 100 % is the top. */
export function path(corners: readonly Step[], width: number, height: number): string {
  const y = (weight: number) => round(height - (weight / 10_000) * height);
  return corners
    .map((corner, index) => (index === 0 ? `M${round(corner.x * width)},${y(corner.weight)}` : `H${round(corner.x * width)}V${y(corner.weight)}`))
    .join('');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
