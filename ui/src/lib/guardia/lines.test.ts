import { expect, test } from 'vitest';
import type { BoardRow } from '../wire';
import { row } from '../testing/picture';
import { lines } from './lines';

const named = (board: readonly BoardRow[]) => lines(board).map((line) => [line.key, line.lead.rule]);

test('the rules of one metric are one line, led by the gravest while all is calm', () => {
  const board = [
    row({ rule: 'e5', limit: 0.05, action: 'alert' }),
    row({ rule: 'e10', limit: 0.1, action: 'rollback' }),
    row({ rule: 'e5n', limit: 0.05, action: 'notify' }),
  ];
  expect(named(board)).toEqual([['error_rate share', 'e10']]);
  expect(lines(board)[0]?.rules.map((rule) => rule.rule)).toEqual(['e5n', 'e5', 'e10']);
});

test('a rule that fires leads, though a graver one is calm', () => {
  const board = [row({ rule: 'e5', action: 'alert', state: 'firing' }), row({ rule: 'e10', action: 'rollback' })];
  expect(named(board)).toEqual([['error_rate share', 'e5']]);
});

test('a rollback that is pending leads, though a warning fires', () => {
  const board = [row({ rule: 'e5', action: 'notify', state: 'firing' }), row({ rule: 'e10', action: 'rollback', state: 'pending' })];
  expect(named(board)).toEqual([['error_rate share', 'e10']]);
});

test('what fires stands above what is pending, and everything else keeps its place', () => {
  const board = [
    row({ metric: 'calm', rule: '1' }),
    row({ metric: 'blind', rule: '2', state: 'no-evidence' }),
    row({ metric: 'resolved', rule: '3', state: 'resolved' }),
    row({ metric: 'pending', rule: '4', state: 'pending' }),
    row({ metric: 'firing', rule: '5', state: 'firing' }),
    row({ metric: 'soon', rule: '6', state: 'pending', action: 'notify' }),
  ];
  expect(lines(board).map((line) => line.key)).toEqual(
    ['firing', 'pending', 'calm', 'blind', 'resolved', 'soon'].map((metric) => `${metric} share`),
  );
});

test('another statistic of a metric is another line', () => {
  const board = [row({ metric: 'response_time', statistic: 'mean' }), row({ metric: 'response_time', statistic: 'p95' })];
  expect(lines(board).map((line) => line.key)).toEqual(['response_time mean', 'response_time p95']);
});

test('limits of a metric where higher is better go down towards the gravest', () => {
  const board = [
    row({ rule: 'low', better: 'higher', limit: 0.75, action: 'notify' }),
    row({ rule: 'mild', better: 'higher', limit: 0.85, action: 'notify' }),
  ];
  expect(lines(board)[0]?.rules.map((rule) => rule.rule)).toEqual(['mild', 'low']);
});
