// Gives orders, and keeps what became of the last one until the next. Decides nothing: the host says what may be.
import type { Host } from '../host';
import { Refusal } from '../host';
import type { Aim, Order, Sentence } from '../wire';

/** What became of an order. */
export type Outcome = { kind: 'sending' } | { kind: 'taken' } | { kind: 'handed' } | { kind: 'refused'; why: Sentence };

export class Helm {
  readonly #host: Pick<Host, 'order' | 'acknowledge'>;
  #last = $state.raw<{ order: Order['order'] | 'acknowledge'; outcome: Outcome } | null>(null);

  constructor(host: Pick<Host, 'order' | 'acknowledge'>) {
    this.#host = host;
  }

  /** The last order and what became of it. */
  get last(): { order: Order['order'] | 'acknowledge'; outcome: Outcome } | null {
    return this.#last;
  }

  /** What became of the last press of the emergency control, as long as it was the last order. */
  get press(): Outcome | null {
    return this.#last?.order === 'roll-back' ? this.#last.outcome : null;
  }

  /** `aim` is of the picture that the person had before them, which need not be the latest. */
  give(aim: Aim, order: Order): Promise<void> {
    return this.#keep(order.order, this.#host.order(aim, order).then((receipt) => ({ kind: receipt })));
  }

  acknowledge(aim: Aim, alert: string, comment: string): Promise<void> {
    return this.#keep('acknowledge', this.#host.acknowledge(aim, alert, comment).then(() => ({ kind: 'taken' })));
  }

  async #keep(order: Order['order'] | 'acknowledge', answer: Promise<Outcome>): Promise<void> {
    const mine = { order, outcome: { kind: 'sending' } as Outcome };
    this.#last = mine;
    const outcome = await answer.catch((problem: unknown): Outcome => ({ kind: 'refused', why: Refusal.of(problem).sentence }));
    // A later order has taken the place; its outcome counts.
    if (this.#last === mine) this.#last = { order, outcome };
  }
}
