// The rollout behind a window, followed over the page's own IPC: what it says of itself, and the orders of a person who starts it.
import { aim } from '../src/lib/known/aim';
import type { Order, Picture } from '../src/lib/wire';
import { until } from './until';
import type { Window } from './window';

export class Rollout {
  constructor(private readonly window: Window) {}

  picture(): Promise<Picture> {
    return this.window.ask<Picture>('picture');
  }

  /** For what is open, as a page does it that has just been told. */
  async order(order: Order): Promise<unknown> {
    return this.window.ask('order', { aim: aim(await this.picture()), order });
  }

  /** Looks again and again until it is `good`. */
  async until(what: string, good: (picture: Picture) => boolean, within_ms = 60_000): Promise<Picture> {
    return until(
      what,
      async () => {
        const seen = await this.picture();
        return good(seen) ? seen : null;
      },
      within_ms,
    );
  }

  /** Signs, arms and starts it, and waits until a part of the traffic is on the new side. */
  async started(): Promise<Picture> {
    await this.order({ order: 'sign-all' });
    // It refuses to be armed while it sees nothing.
    await this.until('a fresh rollout', (picture) => picture.sources.every((source) => source.freshness === 'live'));
    await until('to be armed', () => this.order({ order: 'arm' }).then(() => true), 60_000);
    await this.order({ order: 'start' });
    return this.until('a weight on every target', ({ targets }) => targets.every((target) => (target.read ?? 0) > 0));
  }
}
