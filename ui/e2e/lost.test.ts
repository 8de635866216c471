// What a person does not see: the page dies, or the program is started twice. Without WebDriver, which would hold on to the page.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PROGRAM = process.env['TIMONEL_PROGRAM'] ?? '';
const PAGE = 'WebKitWebProces';
let home: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'timonel-lost-'));
});

afterEach(async () => {
  for (const program of started.splice(0)) {
    if (program.exitCode !== null || program.signalCode !== null) continue;
    const ended = ending(program);
    program.kill('SIGKILL');
    await ended;
  }
  // Its helpers end a moment later and write into its home until then.
  await until(async () => (await helpers('WebKit')).length === 0);
  await rm(home, { recursive: true });
});

test('a page that dies comes back, and the program never ends', async () => {
  const program = start();
  await loaded(program);
  const [first] = await until(pagesInUse);
  process.kill(Number(first), 'SIGKILL');
  await loaded(program);
  const again = await until(async () => {
    const pages = await pagesInUse();
    return pages.some((page) => page !== first) ? pages : [];
  });
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
  const env = {
    PATH: process.env['PATH'],
    DISPLAY: process.env['DISPLAY'],
    XAUTHORITY: process.env['XAUTHORITY'],
    DBUS_SESSION_BUS_ADDRESS: process.env['DBUS_SESSION_BUS_ADDRESS'],
    HOME: home,
    XDG_RUNTIME_DIR: home,
    // Where the simulator keeps its store.
    TMPDIR: home,
    NO_AT_BRIDGE: '1',
    GIO_USE_VFS: 'local',
    GSETTINGS_BACKEND: 'memory',
    LANG: 'es_ES.UTF-8',
    TIMONEL_LOG: 'timonel_app=info',
  };
  const program = spawn(PROGRAM, { env, stdio: ['ignore', 'ignore', 'pipe'] });
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

/** The processes of pages that the program waits for, by their ids. */
function pagesInUse(): Promise<string[]> {
  return helpers(PAGE);
}

/** The program's processes whose name begins with `name`, by their ids; not those that have ended. */
async function helpers(name: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((id) => /^\d+$/.test(id));
  const ours = await Promise.all(
    ids.map(async (id) => {
      const read = (file: string) => readFile(`/proc/${id}/${file}`, 'latin1').catch(() => '');
      const [environment, status] = [await read('environ'), await read('status')];
      return (
        environment.split('\0').includes(`HOME=${home}`) && status.startsWith(`Name:\t${name}`) && !status.includes('State:\tZ')
      );
    }),
  );
  return ids.filter((_, index) => ours[index]);
}

/** Asks again and again until there is an answer; the test's own time limit ends it. */
async function until<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (Array.isArray(answer) ? answer.length > 0 : answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
