import { expect, test } from 'vitest';
import { AT, target } from '../testing/picture';
import { confirmations } from './marks';

const marks = { decided: AT, accepted: null, read_back: null, seen: null, drained: null, contrary: 0, seeable: true };

test('a target that was never lowered has none', () => {
  expect(confirmations(target(), AT)).toEqual([]);
});

test('each mark counts from the decision, and what is waited for counts on', () => {
  const lowered = target({ marks: { ...marks, accepted: AT + 300, read_back: AT + 1_400 } });
  expect(confirmations(lowered, AT + 9_000)).toEqual([
    { name: 'accepted', state: 'done', after_ms: 300 },
    { name: 'read-back', state: 'done', after_ms: 1_400 },
    { name: 'seen', state: 'waiting', after_ms: 9_000 },
    { name: 'drained', state: 'waiting', after_ms: 9_000 },
  ]);
});

test('what traffic cannot show is not said to be waited for', () => {
  const blind = confirmations(target({ marks: { ...marks, seeable: false } }), AT);
  expect(blind.map((mark) => mark.state)).toEqual(['waiting', 'waiting', 'unseeable', 'unseeable']);
});
