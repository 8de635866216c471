// A desk of its own for the tests of the window: a display, a D-Bus session with an unlocked gnome-keyring and dunst on it, and a
// folder in which everything lies that anybody at it writes. Nothing of the desktop that runs the tests is used or changed, and
// D-Bus activates nothing: only what is started here is on the bus.
//
// Deliberately not here: the program under test (window.ts), and what is asked of the keyring and of dunst (keyring.ts, popups.ts).
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Keyring } from './keyring';
import { Popups } from './popups';
import { until } from './until';

/** A program that was asked to end has this long before it is ended without being asked. */
const GRACE_MS = 5_000;

/** Variables of a process. */
export type Variables = Record<string, string>;

/** A desk, from its display to its keyring. */
export class Desk {
  /** Everything that anybody at this desk writes is below. */
  readonly folder: string;
  readonly keyring: Keyring;
  readonly popups: Popups;
  readonly #running: ChildProcess[] = [];
  #display = '';

  private constructor(folder: string) {
    this.folder = folder;
    this.keyring = new Keyring(this);
    this.popups = new Popups(this);
  }

  static async open(): Promise<Desk> {
    const desk = new Desk(await mkdtemp(join(tmpdir(), 'timonel-desk-')));
    try {
      await mkdir(desk.#run, { mode: 0o700 });
      await desk.#screen();
      await desk.#bus();
      await desk.keyring.start();
      await desk.popups.start();
      return desk;
    } catch (problem) {
      await desk.close();
      throw problem;
    }
  }

  /** A home that nobody has lived in yet. */
  home(): Promise<string> {
    return mkdtemp(join(this.folder, 'home-'));
  }

  /** The variables of a program at this desk, all of them, with everything it may write below `home`. */
  variables(home: string): Variables {
    return {
      PATH: process.env['PATH'] ?? '',
      DISPLAY: this.#display,
      XAUTHORITY: this.#cookie,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(this.#run, 'bus')}`,
      HOME: home,
      XDG_RUNTIME_DIR: home,
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_STATE_HOME: join(home, 'state'),
      // Where the simulator keeps its store.
      TMPDIR: home,
      // No accessibility bus, no settings of a person.
      NO_AT_BRIDGE: '1',
      GIO_USE_VFS: 'local',
      GSETTINGS_BACKEND: 'memory',
    };
  }

  /** Starts a program at this desk, which ends it when it closes. */
  start(program: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    const started = spawn(program, args, { stdio: 'ignore', env: this.variables(this.folder), ...options });
    this.#running.push(started);
    // Without anybody who listens, a program that is not there would end the tests; whoever waits for it notices.
    started.on('error', () => {});
    return started;
  }

  /** Ends a program that was started here, and waits until it has ended. */
  async end(program: ChildProcess): Promise<void> {
    const place = this.#running.indexOf(program);
    if (place >= 0) this.#running.splice(place, 1);
    await ended(program);
  }

  /** Runs a program of this desk to its end and gives what it printed. */
  async ask(program: string, args: string[]): Promise<string> {
    const done = await promisify(execFile)(program, args, { env: this.variables(this.folder), timeout: 10_000 });
    return done.stdout;
  }

  /** The files at this desk, logs and stores and caches included, that have `text` in them: as it is, or in two bytes a letter. */
  async files_with(text: string): Promise<string[]> {
    const forms = [Buffer.from(text), Buffer.from(text, 'utf16le')];
    const found: string[] = [];
    for (const entry of await readdir(this.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      // A file may be gone a moment later.
      const bytes = await readFile(path).catch(() => Buffer.alloc(0));
      if (forms.some((form) => bytes.includes(form))) found.push(path);
    }
    return found;
  }

  /** Ends everything that was started here, the youngest first, and removes the folder. */
  async close(): Promise<void> {
    for (const program of this.#running.splice(0).reverse()) await ended(program);
    await rm(this.folder, { recursive: true, force: true });
  }

  get #run(): string {
    return join(this.folder, 'run');
  }

  get #cookie(): string {
    return join(this.folder, 'run', 'cookie');
  }

  /** The server chooses a number that is free and says which; only who has the cookie is let in. */
  async #screen(): Promise<void> {
    await writeFile(this.#cookie, cookie(), { mode: 0o600 });
    const server = this.start('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp', '-auth', this.#cookie], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    this.#display = `:${await line(server, 3)}`;
  }

  async #bus(): Promise<void> {
    const config = join(this.#run, 'bus.conf');
    await writeFile(config, BUS.replace('SOCKET', join(this.#run, 'bus')));
    const bus = this.start('dbus-daemon', ['--nofork', '--nopidfile', '--print-address', `--config-file=${config}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // It listens when it says where.
    await line(bus, 1);
  }
}

/** No folder of services: whoever asks for one that nobody started is told that it is not there. */
const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=SOCKET</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`;

/** An Xauthority of one entry, for whatever host and number: each field stands behind its length in two bytes. */
function cookie(): Buffer {
  const ANYWHERE = 0xffff;
  const field = (bytes: Buffer) => Buffer.concat([two(bytes.length), bytes]);
  const nothing = Buffer.alloc(0);
  return Buffer.concat([two(ANYWHERE), field(nothing), field(nothing), field(Buffer.from('MIT-MAGIC-COOKIE-1')), field(randomBytes(16))]);
}

function two(number: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

/** The first line that a program writes to its file `number`; rejects where it ends without one. */
export function line(program: ChildProcess, number: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const name = program.spawnfile;
    program.once('error', reject);
    program.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it was ready`)));
    program.stdio[number]?.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      const [first, ...more] = said.split('\n');
      if (more.length > 0) resolve(first ?? '');
    });
  });
}

async function ended(program: ChildProcess): Promise<void> {
  if (program.pid === undefined || program.exitCode !== null || program.signalCode !== null) return;
  const over = new Promise((resolve) => program.once('exit', resolve));
  program.kill();
  const impatient = setTimeout(() => program.kill('SIGKILL'), GRACE_MS);
  await over;
  clearTimeout(impatient);
}

/** The processes of this machine whose home is `home`, by their ids and names; not those that have ended. */
export async function residents(home: string): Promise<{ id: number; name: string }[]> {
  const ids = (await readdir('/proc')).filter((id) => /^\d+$/.test(id));
  const found = await Promise.all(
    ids.map(async (id) => {
      // A process may end between any two looks.
      const read = (file: string) => readFile(`/proc/${id}/${file}`, 'latin1').catch(() => '');
      const [environment, status] = [await read('environ'), await read('status')];
      if (!environment.split('\0').includes(`HOME=${home}`) || status.includes('State:\tZ')) return null;
      return { id: Number(id), name: /^Name:\t(.*)$/m.exec(status)?.[1] ?? '' };
    }),
  );
  return found.filter((one) => one !== null);
}

/** Waits until nobody lives in `home` but the processes `but`: helpers of a web view end a moment after its program. */
export async function empty(home: string, ...but: (number | undefined)[]): Promise<void> {
  await until(`an end of everybody in ${home}`, async () => (await residents(home)).every(({ id }) => but.includes(id)));
}
