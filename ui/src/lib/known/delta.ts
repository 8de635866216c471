// Takes a batch into what is known. Pure: the store of the screen is in known.svelte.ts.
import type { Batch, Picture } from '../wire';

/**
 * The picture after `batch`, sections that did not change being the same objects as before. `null` while the first
 * batch, which holds everything, has not come. One that holds everything takes the place of what is known whatever its
 * number: it begins another succession. Another one that is older than what is known changes nothing, and then the very
 * same object is given.
 */
export function after(known: Picture | null, batch: Batch): Picture | null {
  const { revision, at, sections } = batch;
  if (SECTIONS.every((name) => sections[name] !== undefined)) return { ...sections, revision, at } as Picture;
  if (known === null) return null;
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
