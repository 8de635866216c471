import { expect, test } from 'vitest';
import { AT, picture } from '../testing/picture';
import type { Batch } from '../wire';
import { Known } from './known.svelte';

const whole = (revision: number): Batch => {
  const { revision: _, at, ...sections } = picture();
  return { revision, at, sections };
};

test('nothing is known and nothing is wrong before the first batch', () => {
  const known = new Known();
  expect([known.picture, known.silent, known.link]).toEqual([null, false, 'opening']);
});

test('a host that stops speaking is noticed, and one that speaks again too', () => {
  const known = new Known();
  known.batch(whole(1), 1_000);
  known.tick(6_000);
  expect(known.silent).toBe(false);
  known.tick(6_001);
  expect(known.silent).toBe(true);
  known.batch({ revision: 1, at: AT, sections: {} }, 7_000);
  expect(known.silent).toBe(false);
});

test('batches that are passed over are no sign of life', () => {
  const known = new Known();
  known.batch(whole(90), 0);
  known.batch({ revision: 2, at: AT, sections: { alerts: [] } }, 5_500);
  known.tick(6_000);
  expect([known.silent, known.silence]).toEqual([true, 6_000]);
});

test('a lost connection is told at once, and the last picture stays to be read', () => {
  const known = new Known();
  known.batch(whole(1), 0);
  known.linked('lost');
  expect(known.silent).toBe(true);
  expect(known.picture).not.toBeNull();
});

test('after a new beginning a lower revision counts: the host was started anew', () => {
  const known = new Known();
  known.batch(whole(90), 0);
  known.batch({ revision: 2, at: AT, sections: { alerts: [] } }, 0);
  expect(known.picture?.revision).toBe(90);
  known.begin();
  known.batch({ revision: 2, at: AT, sections: { alerts: [] } }, 0);
  expect(known.picture?.revision).toBe(90);
  known.batch(whole(3), 0);
  expect(known.picture?.revision).toBe(3);
});

test('time goes on between batches at the speed of the simulator, but not for ever', () => {
  const known = new Known();
  known.batch(whole(1), 0);
  known.tick(500);
  expect(known.now - AT).toBe(30_000);
  known.tick(60_000);
  expect(known.now - AT).toBe(60_000);
});
