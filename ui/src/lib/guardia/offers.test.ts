import { expect, test } from 'vitest';
import { picture } from '../testing/picture';
import type { HoldName, RolloutHead } from '../wire';
import { offers } from './offers';

const offered = (more: Partial<RolloutHead>) => offers({ environment: picture().environment, rollout: { ...picture().rollout, ...more } }, (key) => key);

test('only what the host would take is offered, and never the emergency control', () => {
  expect(offered({ may: ['freeze', 'approve', 'roll-back', 'pin'] }).map((offer) => offer.id)).toEqual(['approve', 'freeze']);
  expect(offered({ may: [] })).toEqual([]);
});

test('a reset permits going on, so it goes away from safety and needs a reason', () => {
  const [reset] = offered({ may: ['reset'] });
  expect([reset?.forward, reset?.reason, reset?.order('mended')]).toEqual([true, true, { order: 'reset', reason: 'mended' }]);
});

test('each is for the rollout that it was made of, and names the environment to be typed where that is real and it goes on', () => {
  const { environment, rollout } = picture();
  const real = { environment: { ...environment, name: 'produccion', simulated: false }, rollout: { ...rollout, may: ['approve', 'freeze'] } };
  const meant = { rollout: 'ivr-texml-2026-11-22', environment: 'produccion' };
  expect(offers(real, (key) => key).map(({ id, aim, place }) => ({ id, aim, place }))).toEqual([
    { id: 'approve', aim: meant, place: 'produccion' },
    { id: 'freeze', aim: meant, place: null },
  ]);
  expect(offered({ may: ['approve'] }).map(({ aim, place }) => ({ aim, place }))).toEqual([{ aim: { ...meant, environment: 'simulador' }, place: null }]);
});

test('each hold that a person clears is offered by itself', () => {
  const holds: HoldName[] = [{ hold: 'drift', target: 'telnyx' }, { hold: 'gap' }, { hold: 'operator' }];
  const releases = offered({ may: ['release'], holds });
  expect(releases.map((offer) => offer.order('seen'))).toEqual([
    { order: 'release', hold: { hold: 'drift', target: 'telnyx' }, reason: 'seen' },
    { order: 'release', hold: { hold: 'operator' }, reason: 'seen' },
  ]);
  expect(new Set(releases.map((offer) => offer.id)).size).toBe(2);
});

test('going towards safety asks for nothing to be typed', () => {
  expect(offered({ may: ['freeze', 'drill'] }).map((offer) => offer.forward)).toEqual([false, false]);
});

test('a real rollout can be closed, which gives up watching it; the simulator has nothing to close', () => {
  const of = (simulated: boolean) => offers({ environment: { ...picture().environment, simulated }, rollout: { ...picture().rollout, may: ['close'] } }, (key) => key);
  expect(of(true)).toEqual([]);
  expect(of(false).map((offer) => [offer.forward, offer.order('')])).toEqual([[true, { order: 'close' }]]);
});
