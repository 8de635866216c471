// `timonelctl ui-host`: the same questions over one WebSocket. The page opens it again by itself when it is lost, and
// every question that was under way then is refused: nobody knows whether it was heard.
import type { About, Answer, Ask, CredentialChange, CredentialTest, Environments, Picture, PictureAsk, PictureKept, PlanFile, PlanSheet, Power, PowerAsk, Question, Receipt, Series, ServerMessage, ToOpen, Vault } from '../wire';
import { type Host, type Listener, Refusal } from './host';

/** How long a question waits for its answer. */
const PATIENCE_MS = 15_000;
/** The same where other systems are asked before the answer. */
const LONG_PATIENCE_MS = 60_000;
/** Waits between attempts to open the socket again; the last one stays. */
const WAITS_MS = [250, 500, 1_000, 2_000, 5_000];

interface Waiting {
  answered(answer: Answer): void;
  refused(why: Refusal): void;
}

/** A host at `address` (ws:// or wss://, with whatever admits us). */
export class Socket implements Host {
  readonly #address: string;
  #socket: WebSocket | null = null;
  #opened: Promise<void> | null = null;
  #attempts = 0;
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();
  #listener: Listener | null = null;

  constructor(address: string) {
    this.#address = address;
  }

  about = () => this.#ask<About>({ ask: 'about' });
  picture = () => this.#ask<Picture>({ ask: 'picture' });
  hidden = (hidden: boolean) => this.#ask<void>({ ask: 'hidden', hidden });
  // Nor is there anything around it that could say something.
  told = () => () => {};
  // There is nothing outside the page that could speak.
  language = () => Promise.resolve();
  order: Host['order'] = (aim, order) => this.#ask<Receipt>({ ask: 'order', aim, order });
  acknowledge: Host['acknowledge'] = (aim, alert, comment) => this.#ask<void>({ ask: 'acknowledge', aim, alert, comment });
  series = (rule: string, width_px: number, from: number, to: number) => this.#ask<Series[]>({ ask: 'series', rule, width_px, from, to });
  environments = () => this.#ask<Environments>({ ask: 'environments' });
  plan_file = (path: string) => this.#ask<PlanFile>({ ask: 'plan-file', path });
  plan = () => this.#ask<PlanSheet>({ ask: 'plan' });
  power = (today: PowerAsk) => this.#ask<Power>({ ask: 'power', today });
  // The keys of a rollout may be asked for first, and its targets.
  open = (open: ToOpen) => this.#ask<void>({ ask: 'open', open }, LONG_PATIENCE_MS);
  picture_file = (picture: PictureAsk) => this.#ask<PictureKept>({ ask: 'picture-file', picture });
  credentials = () => this.#ask<Vault>({ ask: 'credentials' });
  credential_put: Host['credential_put'] = (name, keep, secret) => this.#ask<CredentialChange>({ ask: 'credential-put', name, keep, secret });
  credential_test = (name: string) => this.#ask<CredentialTest>({ ask: 'credential-test', name });
  credential_delete: Host['credential_delete'] = (name, keep) => this.#ask<CredentialChange>({ ask: 'credential-delete', name, keep });
  popup_test = () => this.#ask<void>({ ask: 'popup-test' });

  async watch(listener: Listener): Promise<void> {
    this.#listener = listener;
    await this.#watch();
  }

  async #watch(): Promise<void> {
    this.#listener?.begin();
    await this.#ask({ ask: 'watch' });
    this.#listener?.link('open');
  }

  async #ask<Value>(ask: Question, patience = PATIENCE_MS): Promise<Value> {
    await this.#open();
    const id = this.#next++;
    const answer = await new Promise<Answer>((answered, refused) => {
      const late = setTimeout(() => refused(unanswered('no answer in time')), patience);
      const done = () => {
        clearTimeout(late);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        answered: (value) => (done(), answered(value)),
        refused: (why) => (done(), refused(why)),
      });
      this.#socket?.send(JSON.stringify({ id, ask } satisfies Ask));
    });
    return ('value' in answer ? answer.value : undefined) as Value;
  }

  #open(): Promise<void> {
    this.#opened ??= new Promise((opened, failed) => {
      const socket = new WebSocket(this.#address);
      this.#socket = socket;
      socket.onopen = () => {
        this.#attempts = 0;
        opened();
      };
      socket.onmessage = (message) => this.#heard(JSON.parse(String(message.data)) as ServerMessage);
      socket.onclose = () => {
        failed(unanswered('the connection is closed'));
        this.#lost();
      };
    });
    return this.#opened;
  }

  #heard(message: ServerMessage): void {
    switch (message.is) {
      case 'batch':
        this.#listener?.batch(message.batch);
        break;
      case 'answer':
        this.#waiting.get(message.id)?.answered(message.answer);
        break;
      case 'refused':
        this.#waiting.get(message.id)?.refused(new Refusal(message.error));
        break;
    }
  }

  #lost(): void {
    this.#opened = null;
    this.#socket = null;
    for (const waiting of [...this.#waiting.values()]) waiting.refused(unanswered('the connection is closed'));
    if (!this.#listener) return;
    this.#listener.link('lost');
    const wait = WAITS_MS[Math.min(this.#attempts, WAITS_MS.length - 1)];
    this.#attempts += 1;
    // A refusal here is a socket that closed again, and that brings us back to this place.
    setTimeout(() => void this.#watch().catch(() => {}), wait);
  }
}

function unanswered(reason: string): Refusal {
  return Refusal.of(new Error(reason));
}
