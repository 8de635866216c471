// The questions that the screen asks. They name what is wanted, never who answers: the desktop program (tauri.ts) or
// `timonelctl ui-host` over a socket (socket.ts).
import type { About, Aim, Batch, CredentialChange, CredentialTest, Environments, KeepName, Order, Picture, PictureAsk, PictureKept, PlanFile, PlanSheet, Power, PowerAsk, Receipt, Sentence, Series, ToOpen, Vault } from '../wire';

/** Whether whoever answers can be reached. */
export type Link = 'opening' | 'open' | 'lost';

/** What a page hears without asking. */
export interface Listener {
  /** A new succession of batches begins: the next one is everything. */
  begin(): void;
  batch(batch: Batch): void;
  link(link: Link): void;
}

/** Whoever answers. Every question rejects with a {@link Refusal} where it is not answered. */
export interface Host {
  about(): Promise<About>;
  /** Everything now, once. */
  picture(): Promise<Picture>;
  /** Batches from now on, at most two a second. One listener for the life of the page. */
  watch(listener: Listener): Promise<void>;
  /** Tells whether anybody looks; nothing is sent while nobody does. */
  hidden(hidden: boolean): Promise<void>;
  /** What the program around the page says of itself, outside any answer; ends with what is returned. */
  told(listener: (sentence: Sentence) => void): () => void;
  /** The language (BCP 47) that a person chose: whatever the host says outside the page follows. */
  language(tag: string): Promise<void>;
  /** Refused where another rollout is open than the one it is meant for. */
  order(aim: Aim, order: Order): Promise<Receipt>;
  /** The same goes for this. */
  acknowledge(aim: Aim, alert: string, comment: string): Promise<void>;
  /** The lines of what a rule looks at between two moments (ms UTC), for so many pixel columns; all of them whole numbers. */
  series(rule: string, width_px: number, from: number, to: number): Promise<Series[]>;
  /** A picture to send: the host writes it and says where, or gives it to the page. */
  picture_file(picture: PictureAsk): Promise<PictureKept>;
  /** What can be opened, and what is. */
  environments(): Promise<Environments>;
  /** What there is to know of a plan file before it is opened. */
  plan_file(path: string): Promise<PlanFile>;
  /** The plan of what is open, as it is written. */
  plan(): Promise<PlanSheet>;
  /** What that plan can show: what there is once it is more than `have`, within some seconds; other traffic ends what is being computed. */
  power(today: PowerAsk): Promise<Power>;
  /** Opens something else in place of what is open. Moves nothing. */
  open(open: ToOpen): Promise<void>;
  /** Places and credentials, without a secret. May make a keychain ask the person to unlock it. */
  credentials(): Promise<Vault>;
  /** Keeps a credential. The one question that carries a secret; whoever asks it forgets the secret. */
  credential_put(name: string, keep: KeepName, secret: string): Promise<CredentialChange>;
  /** Tries the credential in force at its provider. */
  credential_test(name: string): Promise<CredentialTest>;
  credential_delete(name: string, keep: KeepName): Promise<CredentialChange>;
  /** Shows a test popup at the desk: it stands when this is answered, and only a press on its button proves that it is seen. */
  popup_test(): Promise<void>;
}

/** Why a question was not answered: a sentence of the catalogues. */
export class Refusal extends Error {
  readonly sentence: Sentence;

  constructor(sentence: Sentence) {
    super(sentence.code);
    this.sentence = sentence;
  }

  /** What anybody threw, as a refusal: `{code, args}` as it came, everything else as a host that does not answer. */
  static of(problem: unknown): Refusal {
    if (problem instanceof Refusal) return problem;
    if (isSentence(problem)) return new Refusal(problem);
    const reason = problem instanceof Error ? problem.message : String(problem);
    return new Refusal({ code: 'window-no-answer', args: { reason: { kind: 'text', value: reason } } });
  }
}

function isSentence(value: unknown): value is Sentence {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string' && 'args' in value;
}
