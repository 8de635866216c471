// Which orders a person is offered now, and what goes with each. The host decides what may be (`rollout.may`); it checks
// every order again. Deliberately not here: the emergency control, which is always there.
import { aim } from '../known/aim';
import type { Aim, HoldName, Order, Picture } from '../wire';

/** An order that can be given now. */
export interface Offer {
  /** Unique among those that are offered. */
  id: string;
  /** For which rollout it is offered. A dialogue that stays open over another one gives it to nobody. */
  aim: Aim;
  label: string;
  /** What it will do. */
  effect: string;
  /** Whether it goes away from safety. */
  forward: boolean;
  /** The name of the environment, which has to be typed: in a real one, for what goes away from safety. */
  place: string | null;
  /** Whether it needs a reason. */
  reason: boolean;
  order: (reason: string) => Order;
}

type Say = (key: string, args?: Record<string, string | number>) => string;

/** Holds that a person has to clear; the others clear by themselves. */
const BY_PERSON: readonly HoldName['hold'][] = ['operator', 'alert', 'drift', 'shift'];

export function offers(picture: Pick<Picture, 'rollout' | 'environment'>, say: Say): Offer[] {
  const { may, holds } = picture.rollout;
  const meant = aim(picture);
  const of = (forward: boolean) => ({ aim: meant, forward, place: forward && !picture.environment.simulated ? picture.environment.name : null });
  const plain = (name: 'arm' | 'start' | 'sign-all' | 'approve' | 'drill' | 'close', forward: boolean): Offer[] =>
    may.includes(name)
      ? [{ id: name, label: say(`order-${name}`), effect: say(`order-${name}-effect`), ...of(forward), reason: false, order: () => ({ order: name }) }]
      : [];
  const reasoned = (name: 'freeze' | 'reset', forward: boolean): Offer[] =>
    may.includes(name)
      ? [{ id: name, label: say(`order-${name}`), effect: say(`order-${name}-effect`), ...of(forward), reason: true, order: (reason) => ({ order: name, reason }) }]
      : [];
  const releases = may.includes('release')
    ? holds
        .filter((hold) => BY_PERSON.includes(hold.hold))
        .map((hold): Offer => {
          const target = 'target' in hold ? hold.target : '';
          return {
            id: `release ${hold.hold} ${target}`,
            label: say('order-release', { hold: hold.hold, target }),
            effect: say('order-release-effect'),
            ...of(true),
            reason: true,
            order: (reason) => ({ order: 'release', hold, reason }),
          };
        })
    : [];
  return [
    ...plain('sign-all', false),
    ...plain('arm', false),
    ...plain('start', true),
    ...plain('approve', true),
    ...reasoned('reset', true),
    ...releases,
    ...reasoned('freeze', false),
    ...plain('drill', false),
    // The simulator begins anew where it is opened; there is nothing of it to close.
    ...(picture.environment.simulated ? [] : plain('close', true)),
  ];
}
