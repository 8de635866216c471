// The lines of the go/no-go board: one for each metric, with all its limits on one bar. Pure.
import type { BoardRow } from '../wire';

/** What a metric's rules say together. */
export interface Line {
  /** Metric and statistic; unique on the board. */
  key: string;
  /** The rule that speaks for the metric: the gravest of those that are breached, else the gravest of all. */
  lead: BoardRow;
  /** All of its rules, the mildest first and the gravest last. */
  rules: BoardRow[];
}

const ACTIONS: readonly BoardRow['action'][] = ['notify', 'alert', 'rollback'];

/** Groups rules by what they measure. What fires stands first; the rest keeps the order of the plan. */
export function lines(board: readonly BoardRow[]): Line[] {
  const groups = new Map<string, BoardRow[]>();
  for (const row of board) {
    const key = `${row.metric} ${row.statistic}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const made = [...groups].map(([key, rows]): Line => {
    const rules = [...rows].sort((a, b) => gravity(a) - gravity(b) || severity(a) - severity(b));
    const lead = rules.reduce((worst, row) => (urgency(row) >= urgency(worst) ? row : worst));
    return { key, lead, rules };
  });
  return made.sort((a, b) => urgency(b.lead) - urgency(a.lead));
}

function gravity(row: BoardRow): number {
  return ACTIONS.indexOf(row.action);
}

/** How far a limit lies towards bad, so that the furthest is last. */
function severity(row: BoardRow): number {
  return row.better === 'lower' ? row.limit : -row.limit;
}

/** Only what is abnormal changes the order; two calm lines are equal. A rollback that is pending outdoes a warning that fires. */
function urgency(row: BoardRow): number {
  switch (row.state) {
    case 'firing':
      return 3 + 2 * gravity(row);
    case 'pending':
      return 2 + 2 * gravity(row);
    case 'no-evidence':
      return 1;
    case 'idle':
    case 'resolved':
      return 0;
  }
}
