import { expect, test } from 'vitest';
import { AT, picture, row, target } from '../testing/picture';
import type { Picture } from '../wire';
import { mood } from './state';

const calm = picture({ alerts: [] });
const [alert] = picture().alerts;
const operation = { kind: 'rollback', to: 0, since: AT, failures: 3, escalated: true } as const;

test.each<[string, Partial<Picture>, string]>([
  ['nothing is wrong', {}, 'calm'],
  ['a rollback is under way', { rollout: { ...calm.rollout, stage: 'rolling-back' } }, 'critical'],
  ['a rule that rolls back fires', { board: [row({ state: 'firing', severity: 'high' })] }, 'critical'],
  ['a rule that only tells fires', { board: [row({ state: 'firing', severity: 'low', action: 'notify' })] }, 'warning'],
  ['a rule that rolls back is pending', { board: [row({ state: 'pending' })] }, 'warning'],
  ['a rule that freezes is pending', { board: [row({ state: 'pending', action: 'alert' })] }, 'warning'],
  ['a rule that only tells is pending', { board: [row({ state: 'pending', action: 'notify' })] }, 'calm'],
  ['an alert is open', { alerts: [alert!] }, 'warning'],
  ['a critical alert is open', { alerts: [{ ...alert!, severity: 'critical' }] }, 'critical'],
  ['the alert was seen', { alerts: [{ ...alert!, severity: 'critical', acknowledged: { by: 'ana', at: AT, comment: '' } }] }, 'calm'],
  ['the alert is over', { alerts: [{ ...alert!, severity: 'critical', resolved_at: AT }] }, 'calm'],
  ['a person was called to a target', { targets: [target({ op: operation })] }, 'critical'],
  ['a target does not answer', { targets: [target({ silent: AT })] }, 'warning'],
  ['the shared journal is away', { environment: { ...calm.environment, looking_on: { read_at: AT, lost: true, unled: false, from_kit: false } } }, 'warning'],
  ['nobody has the helm', { environment: { ...calm.environment, looking_on: { read_at: AT, lost: false, unled: true, from_kit: false } } }, 'warning'],
  ['somebody else has the helm', { environment: { ...calm.environment, looking_on: { read_at: AT, lost: false, unled: false, from_kit: false } } }, 'calm'],
  ['it is frozen', { rollout: { ...calm.rollout, frozen: true } }, 'held'],
  ['it was put back and is latched', { rollout: { ...calm.rollout, stage: 'rolled-back', latched: AT } }, 'held'],
])('where %s', (_, more, expected) => {
  expect(mood({ ...calm, ...more })).toBe(expected);
});
