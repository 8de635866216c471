// The desktop program around this web view: each question is one command of the same name.
import { Channel, invoke } from '@tauri-apps/api/core';
import type { Batch } from '../wire';
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
  hidden: (hidden) => ask('hidden', { hidden }),
  language: (tag) => ask('language', { tag }),
  order: (order) => ask('order', { order }),
  acknowledge: (alert, comment) => ask('acknowledge', { alert, comment }),
  series: (metric, widthPx, from, to) => ask('series', { metric, widthPx, from, to }),
};

async function ask<Answer>(command: string, args: Record<string, unknown> = {}): Promise<Answer> {
  try {
    return await invoke<Answer>(command, args);
  } catch (problem) {
    throw Refusal.of(problem);
  }
}
