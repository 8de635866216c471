// What a person does not see: the page dies, or the program is started twice. Without WebDriver, which would hold on to the page.
import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Desk, empty, residents } from './desk';
import { until } from './until';

const PROGRAM = process.env['TIMONEL_PROGRAM'] ?? '';
const PAGE = 'WebKitWebProces';
let desk: Desk;
let home: string;
const started: ChildProcess[] = [];

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

beforeEach(async () => void (home = await desk.home()));

afterEach(async () => {
  for (const program of started.splice(0)) await desk.end(program);
  await empty(home);
});

test('a page that dies comes back, and the program never ends', async () => {
  const program = start();
  await loaded(program);
  const [first] = await until('a page', pages);
  process.kill(first ?? 0, 'SIGKILL');
  await loaded(program);
  const again = await until('another page', async () => (await pages()).filter((page) => page !== first));
  expect(again).not.toContain(first);
  expect(program.exitCode).toBeNull();
});

test('a second start shows the first and ends well', async () => {
  const program = start();
  await loaded(program);
  const second = start();
  expect(await ending(second)).toBe(0);
  expect(program.exitCode).toBeNull();
});

function start(): ChildProcess {
  const program = desk.start(PROGRAM, [], {
    env: { ...desk.variables(home), LANG: 'es_ES.UTF-8', TIMONEL_LOG: 'timonel_app=info' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  started.push(program);
  return program;
}

/** Waits until the program says that a page has loaded. */
function loaded(program: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const hear = (said: Buffer) => {
      if (!said.includes('the page has loaded')) return;
      program.stderr?.off('data', hear);
      resolve();
    };
    program.stderr?.on('data', hear);
  });
}

function ending(program: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => program.once('exit', resolve));
}

/** The ids of the processes of pages that the program waits for. */
async function pages(): Promise<number[]> {
  return (await residents(home)).filter(({ name }) => name.startsWith(PAGE)).map(({ id }) => id);
}
