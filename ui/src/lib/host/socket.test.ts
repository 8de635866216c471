import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { aim } from '../known/aim';
import { AT, picture } from '../testing/picture';
import type { Ask, ServerMessage } from '../wire';
import { beside } from '.';
import type { Link, Listener, Refusal } from './host';
import { Socket } from './socket';

/** A socket whose other end is the test. */
class End {
  static all: End[] = [];
  onopen = () => {};
  onclose = () => {};
  onmessage: (message: { data: string }) => void = () => {};
  readonly sent: Ask[] = [];

  constructor(readonly address: string) {
    End.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Ask);
  }

  says(message: ServerMessage): void {
    this.onmessage({ data: JSON.stringify(message) });
  }

  static get last(): End {
    return End.all.at(-1)!;
  }
}

class Ear implements Listener {
  heard: string[] = [];
  begin = () => void this.heard.push('begin');
  batch = () => void this.heard.push('batch');
  link = (link: Link) => void this.heard.push(link);
}

const turn = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', End);
  End.all = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('questions', () => {
  test('each gets the answer that bears its number, in whatever order they come', async () => {
    const socket = new Socket('ws://here');
    const [about, series] = [socket.about(), socket.series('errores-10', 372, 1, 2)];
    End.last.onopen();
    await turn();
    expect(End.all).toHaveLength(1);
    expect(End.last.sent.map((asked) => asked.ask)).toEqual([
      { ask: 'about' },
      { ask: 'series', rule: 'errores-10', width_px: 372, from: 1, to: 2 },
    ]);
    const [first, second] = End.last.sent;
    End.last.says({ is: 'answer', id: second!.id, answer: { kind: 'series', value: [] } });
    End.last.says({ is: 'answer', id: first!.id, answer: { kind: 'about', value: { version: '1', languages: [], read_only: true } } });
    expect(await series).toEqual([]);
    expect(await about).toEqual({ version: '1', languages: [], read_only: true });
  });

  test('a refusal comes as the sentence that the host gave', async () => {
    const refused = new Socket('ws://here').order(aim(picture()), { order: 'start' }).catch((why: Refusal) => why.sentence);
    End.last.onopen();
    await turn();
    End.last.says({ is: 'refused', id: End.last.sent[0]!.id, error: { code: 'rejection-stage', args: {} } });
    expect(await refused).toEqual({ code: 'rejection-stage', args: {} });
  });

  test('what a person gives goes with what it is meant for', async () => {
    const socket = new Socket('ws://here');
    const meant = { rollout: 'ivr-texml-2026-11-22', environment: 'produccion' };
    void socket.order(meant, { order: 'roll-back', confirmed: false });
    void socket.acknowledge(meant, 'a-1', 'visto');
    End.last.onopen();
    await turn();
    expect(End.last.sent.map((asked) => asked.ask)).toEqual([
      { ask: 'order', aim: meant, order: { order: 'roll-back', confirmed: false } },
      { ask: 'acknowledge', aim: meant, alert: 'a-1', comment: 'visto' },
    ]);
  });

  test('one that nobody answers is refused in the end', async () => {
    const refused = new Socket('ws://here').about().catch((why: Refusal) => why.sentence.code);
    End.last.onopen();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await refused).toBe('window-no-answer');
  });

  test('one that was under way when the socket closed is refused: nobody knows whether it was heard', async () => {
    const refused = new Socket('ws://here').order(aim(picture()), { order: 'roll-back', confirmed: false }).catch((why: Refusal) => why.sentence.code);
    End.last.onopen();
    await turn();
    End.last.onclose();
    expect(await refused).toBe('window-no-answer');
  });
});

describe('watching', () => {
  async function watched(): Promise<Ear> {
    const ear = new Ear();
    const watching = new Socket('ws://here').watch(ear);
    End.last.onopen();
    await turn();
    End.last.says({ is: 'answer', id: End.last.sent[0]!.id, answer: { kind: 'done' } });
    await watching;
    return ear;
  }

  test('batches come in their order', async () => {
    const ear = await watched();
    End.last.says({ is: 'batch', batch: { revision: 1, at: AT, sections: {} } });
    expect(ear.heard).toEqual(['begin', 'open', 'batch']);
  });

  test('a lost connection is told at once, opened again, and everything begins anew', async () => {
    const ear = await watched();
    End.last.onclose();
    expect(ear.heard).toEqual(['begin', 'open', 'lost']);
    await vi.advanceTimersByTimeAsync(250);
    expect(End.all).toHaveLength(2);
    End.last.onopen();
    await turn();
    End.last.says({ is: 'answer', id: End.last.sent[0]!.id, answer: { kind: 'done' } });
    await turn();
    expect(ear.heard).toEqual(['begin', 'open', 'lost', 'begin', 'open']);
  });

  test('while nobody is there it tries again, less and less often and for ever', async () => {
    await watched();
    const waits = [250, 500, 1_000, 2_000, 5_000, 5_000];
    for (const [index, wait] of waits.entries()) {
      End.last.onclose();
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(End.all).toHaveLength(index + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(End.all).toHaveLength(index + 2);
    }
  });
});

test('the token of the fragment goes to the socket beside the page', () => {
  expect(beside({ protocol: 'http:', host: '127.0.0.1:4000', hash: '#token=a b' })).toBe('ws://127.0.0.1:4000/ws?token=a%20b');
});
