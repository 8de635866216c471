// Everything that crosses between a page and its program while a test looks: each question with its body, each answer, and each batch,
// as they are, beneath the page's own code.
import { until } from './until';
import type { Window } from './window';

/** What crossed once. */
export interface Crossing {
  /** Towards the program, or towards the page. */
  way: 'asked' | 'answered' | 'told';
  /** The command; of a batch, nothing. */
  command: string;
  text: string;
}

export class Traffic {
  private constructor(private readonly window: Window) {}

  /** Begins to record. What crossed before is not known; what is under way is. */
  static async begin(window: Window): Promise<Traffic> {
    const wrapped = await window.inPage<number>(`
      const crossed = (globalThis.crossed = []);
      const real = window.fetch;
      window.fetch = async (to, how) => {
        const command = String(to).split('/').at(-1);
        crossed.push({ way: 'asked', command, text: String(how?.body ?? '') });
        const answer = await real(to, how);
        crossed.push({ way: 'answered', command, text: await answer.clone().text() });
        return answer;
      };
      const { callbacks } = window.__TAURI_INTERNALS__;
      for (const [id, hear] of [...callbacks]) {
        callbacks.set(id, (message) => {
          crossed.push({ way: 'told', command: '', text: JSON.stringify(message) ?? '' });
          return hear(message);
        });
      }
      return callbacks.size;`);
    if (wrapped === 0) throw new Error('the page listens to nothing');
    const traffic = new Traffic(window);
    await until('a recorded batch', async () => (await traffic.all()).some(({ way }) => way === 'told'));
    return traffic;
  }

  all(): Promise<Crossing[]> {
    return this.window.inPage('return globalThis.crossed');
  }

  /** What crossed with `text` in it, as it is or as JSON writes it. */
  async with(text: string): Promise<Crossing[]> {
    const written = JSON.stringify(text).slice(1, -1);
    return (await this.all()).filter((one) => one.text.includes(text) || one.text.includes(written));
  }
}
