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

/** Whether a rule is breached in a way that people should look at now; a mere warning has to last first. */
export function stands_out(row: BoardRow): boolean {
  return row.state === 'firing' || (row.state === 'pending' && row.action !== 'notify');
}

/** Groups rules by what they measure. What stands out is first; the rest keeps the order of the plan, so that no line jumps. */
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
  const rank = (line: Line) => (stands_out(line.lead) ? urgency(line.lead) : 0);
  return made.sort((a, b) => rank(b) - rank(a));
}

function gravity(row: BoardRow): number {
  return ACTIONS.indexOf(row.action);
}

/** How far a limit lies towards bad, so that the furthest is last. */
function severity(row: BoardRow): number {
  return row.better === 'lower' ? row.limit : -row.limit;
}

/** How much a rule has to say of its metric: a rollback that is pending outdoes a warning that fires. */
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
