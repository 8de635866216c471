import { expect, test, vi } from 'vitest';
import { Refusal } from '../host';
import type { PictureAsk, PictureKept } from '../wire';
import { Keeper } from './keeper.svelte';

const look = { dark: true, language: 'es' };

test('what the host wrote is told by its path', async () => {
  const asked: PictureAsk[] = [];
  const keeper = new Keeper({ picture_file: (ask) => (asked.push(ask), Promise.resolve({ kept: 'file', path: '/home/ana/Imágenes/a.png' })) });
  await keeper.keep({ of: 'rule', rule: 'errores-10' }, 'png', look);
  expect(asked).toEqual([{ what: { of: 'rule', rule: 'errores-10' }, format: 'png', dark: true, language: 'es', zone_minutes: expect.any(Number) }]);
  expect(keeper.last).toEqual({ kind: 'kept', where: '/home/ana/Imágenes/a.png' });
  keeper.seen();
  expect(keeper.last).toBeNull();
});

test('what the page is given goes to the browser, byte for byte', async () => {
  const download = vi.fn<(name: string, bytes: Uint8Array<ArrayBuffer>) => void>();
  const content: PictureKept = { kept: 'content', name: 'a.png', base64: btoa('\x89PNG\x00\xff') };
  await new Keeper({ picture_file: () => Promise.resolve(content) }, download).keep({ of: 'timeline' }, 'png', look);
  expect(download).toHaveBeenCalledWith('a.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0xff));
});

test('a refusal is told, and the last picture asked for is the one that counts', async () => {
  const answers: ((kept: PictureKept) => void)[] = [];
  const keeper = new Keeper({ picture_file: () => new Promise((answer) => answers.push(answer)) });
  const [first, second] = [keeper.keep({ of: 'timeline' }, 'png', look), keeper.keep({ of: 'timeline' }, 'svg', look)];
  answers[0]!({ kept: 'file', path: 'first' });
  await first;
  expect(keeper.last).toEqual({ kind: 'saving' });
  answers[1]!({ kept: 'file', path: 'second' });
  await second;
  expect(keeper.last).toEqual({ kind: 'kept', where: 'second' });

  const why = { code: 'error-nothing-to-draw', args: {} };
  const refused = new Keeper({ picture_file: () => Promise.reject(new Refusal(why)) });
  await refused.keep({ of: 'timeline' }, 'png', look);
  expect(refused.last).toEqual({ kind: 'refused', why });
});
