// The desktop program around this web view: each question is one command of the same name.
import { Channel, invoke } from '@tauri-apps/api/core';
import type { Batch, Sentence } from '../wire';
import { type Host, Refusal } from './host';

/** The desktop program. */
export const desktop: Host = {
  about: () => ask('about'),
  picture: () => ask('picture'),
  async watch(listener) {
    // One channel for the life of the page: it keeps the order, and nothing is broadcast.
    const channel = new Channel<Batch>((batch) => listener.batch(batch));
    listener.begin();
    await ask('watch', { channel });
    listener.link('open');
  },
  told(listener) {
    // Sent by the program into its own page: no right of the page stands behind it.
    const heard = (event: Event) => event instanceof CustomEvent && listener(event.detail as Sentence);
    window.addEventListener('timonel-told', heard);
    return () => window.removeEventListener('timonel-told', heard);
  },
  hidden: (hidden) => ask('hidden', { hidden }),
  language: (tag) => ask('language', { tag }),
  order: (aim, order) => ask('order', { aim, order }),
  acknowledge: (aim, alert, comment) => ask('acknowledge', { aim, alert, comment }),
  series: (rule, widthPx, from, to) => ask('series', { rule, widthPx, from, to }),
  environments: () => ask('environments'),
  plan_file: (path) => ask('plan_file', { path }),
  plan: () => ask('plan'),
  power: (today) => ask('power', { today }),
  open: (open) => ask('open', { open }),
  picture_file: (picture) => ask('picture_file', { picture }),
  credentials: () => ask('credentials'),
  credential_put: (name, keep, secret) => ask('credential_put', { name, keep, secret }),
  credential_test: (name) => ask('credential_test', { name }),
  credential_delete: (name, keep) => ask('credential_delete', { name, keep }),
  popup_test: () => ask('popup_test'),
};

async function ask<Answer>(command: string, args: Record<string, unknown> = {}): Promise<Answer> {
  try {
    return await invoke<Answer>(command, args);
  } catch (problem) {
    throw Refusal.of(problem);
  }
}
