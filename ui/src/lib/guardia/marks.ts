// How far the lowering of a target is: four marks, each with the seconds since it was decided. Pure.
import type { Target } from '../wire';

export const MARKS = ['accepted', 'read-back', 'seen', 'drained'] as const;

/** One mark of one target. */
export interface Confirmation {
  name: (typeof MARKS)[number];
  /** `unseeable`: traffic cannot show it for this target, which is not the same as waiting for it. */
  state: 'done' | 'waiting' | 'unseeable';
  /** Milliseconds from the decision to the mark; to now while it is waited for; `null` where it cannot be seen. */
  after_ms: number | null;
}

/** The marks of a target whose lowering was decided; none where none was. */
export function confirmations(target: Target, now: number): Confirmation[] {
  const { decided, accepted, read_back, seen, drained, seeable } = target.marks;
  if (decided === null) return [];
  const at = { accepted, 'read-back': read_back, seen, drained };
  return MARKS.map((name) => {
    const moment = at[name];
    const by_traffic = name === 'seen' || name === 'drained';
    if (moment === null && by_traffic && !seeable) return { name, state: 'unseeable', after_ms: null };
    return moment === null
      ? { name, state: 'waiting', after_ms: Math.max(0, now - decided) }
      : { name, state: 'done', after_ms: Math.max(0, moment - decided) };
  });
}
