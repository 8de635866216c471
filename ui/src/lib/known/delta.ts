// Takes a batch into what is known. Pure: the store of the screen is in known.svelte.ts.
import type { Batch, Picture } from '../wire';

/**
 * The picture after `batch`, sections that did not change being the same objects as before. `null` while the first
 * batch, which holds everything, has not come; a batch that is older than what is known changes nothing.
 */
export function after(known: Picture | null, batch: Batch): Picture | null {
  const { revision, at, sections } = batch;
  if (known === null) {
    return SECTIONS.every((name) => sections[name] !== undefined) ? ({ ...sections, revision, at } as Picture) : null;
  }
  return revision < known.revision ? known : { ...known, ...sections, revision, at };
}

// A record, so that the compiler names a section that is missing here.
const SECTIONS = Object.keys({
  environment: 0,
  rollout: 0,
  sources: 0,
  phases: 0,
  board: 0,
  gates: 0,
  evidence: 0,
  blockers: 0,
  targets: 0,
  units: 0,
  alerts: 0,
  journal: 0,
  checklists: 0,
  tenants: 0,
  emergency: 0,
  popups: 0,
} satisfies Record<keyof Batch['sections'], 0>) as (keyof Batch['sections'])[];
