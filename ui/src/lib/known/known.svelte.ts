// What the page knows, and how old it is. One instance for the page; it asks nobody, it is told.
import type { Link } from '../host';
import type { Batch, Picture } from '../wire';
import { after } from './delta';

/** A host that says nothing for so long is silent: it speaks at least every second while somebody looks. */
export const SILENT_MS = 5_000;

export class Known {
  #picture = $state.raw<Picture | null>(null);
  #link = $state<Link>('opening');
  /** Of the page's own monotonic clock, in ms. */
  #heard = $state(0);
  #clock = $state(0);
  #beginning = true;

  /** The latest picture; `null` before the first batch. */
  get picture(): Picture | null {
    return this.#picture;
  }

  get link(): Link {
    return this.#link;
  }

  /** How long nobody has said anything, in ms of the desk. */
  get silence(): number {
    return Math.max(0, this.#clock - this.#heard);
  }

  /** Whether what is shown may no longer be true: every value is then old, whatever its own freshness says. */
  get silent(): boolean {
    return this.#link === 'lost' || (this.#picture !== null && this.silence > SILENT_MS);
  }

  /** The moment on the rollout's clock, moved on since the last batch; ms UTC. */
  get now(): number {
    if (!this.#picture) return 0;
    const speed = this.#picture.environment.speed ?? 1;
    return this.#picture.at + Math.min(this.silence, 1_000) * speed;
  }

  begin(): void {
    this.#beginning = true;
  }

  batch(batch: Batch, clock: number): void {
    const known = this.#beginning ? null : this.#picture;
    const next = after(known, batch);
    // What is on the screen stays until something whole takes its place; what was passed over is no sign of life.
    if (next === null || next === known) return;
    this.#beginning = false;
    this.#picture = next;
    this.#heard = clock;
    this.#clock = clock;
    this.#link = 'open';
  }

  linked(link: Link): void {
    this.#link = link;
  }

  /** The page's clock went on. */
  tick(clock: number): void {
    this.#clock = clock;
  }
}
