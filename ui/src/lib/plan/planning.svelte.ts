// What the planner says, phase by phase as it is computed. Asking anew leaves what was asked before.
import { type Host, Refusal } from '../host';
import type { Power, PowerAsk, Sentence } from '../wire';

export class Planning {
  /** What there is so far. */
  power = $state.raw<Power | null>(null);
  /** What that is the answer to. */
  asked = $state.raw<Omit<PowerAsk, 'have'> | null>(null);
  /** Why there is no answer. */
  problem = $state.raw<Sentence | null>(null);
  /** Whether an answer is on its way. */
  busy = $state(false);
  readonly #host: Pick<Host, 'power'>;
  #turn = 0;

  constructor(host: Pick<Host, 'power'>) {
    this.#host = host;
  }

  /** Asks until all is there. */
  async ask(today: Omit<PowerAsk, 'have'>): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    [this.asked, this.power, this.problem, this.busy] = [today, null, null, true];
    try {
      for (let have = 0, more = true; more; ) {
        const power = await this.#host.power({ ...today, have });
        if (turn !== this.#turn) return;
        this.power = power;
        [have, more] = [power.phases.length, power.computing];
      }
    } catch (why) {
      if (turn !== this.#turn) return;
      this.problem = Refusal.of(why).sentence;
    }
    this.busy = false;
  }

  /** Nobody looks any more. What is being computed is there for whoever asks next. */
  leave(): void {
    this.#turn += 1;
  }
}
