// Drives the real program over WebDriver: the engine's own driver starts it, so no program stands between.
// Only what the tests ask for is here; the protocol is a handful of JSON requests.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An open window of the program. */
export class Window {
  private constructor(
    private readonly driver: ChildProcess,
    private readonly session: string,
    private readonly home: string,
  ) {}

  /** Starts the program at `TIMONEL_PROGRAM` with `environment` beside ours and a home of its own. */
  static async open(environment: Record<string, string>): Promise<Window> {
    const binary = process.env['TIMONEL_PROGRAM'];
    if (!binary) throw new Error('TIMONEL_PROGRAM has to be the full path of the built program');
    const home = await mkdtemp(join(tmpdir(), 'timonel-window-'));
    const port = await freePort();
    const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        DISPLAY: process.env['DISPLAY'],
        // Without it the program finds the display and is not let in.
        XAUTHORITY: process.env['XAUTHORITY'],
        DBUS_SESSION_BUS_ADDRESS: process.env['DBUS_SESSION_BUS_ADDRESS'],
        HOME: home,
        XDG_RUNTIME_DIR: home,
        // Where the simulator keeps its store.
        TMPDIR: home,
        TAURI_WEBVIEW_AUTOMATION: 'true',
        // Nothing of the desktop that runs the tests: no accessibility bus, no settings of a person.
        NO_AT_BRIDGE: '1',
        GIO_USE_VFS: 'local',
        GSETTINGS_BACKEND: 'memory',
        ...environment,
      },
    });
    const base = `http://127.0.0.1:${port}`;
    try {
      await answering(`${base}/status`, driver);
      const opened = await send<{ sessionId: string }>('POST', `${base}/session`, {
        capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: [] } } },
      });
      const window = new Window(driver, `${base}/session/${opened.sessionId}`, home);
      await send('POST', `${window.session}/timeouts`, { implicit: 15_000, script: 15_000 });
      return window;
    } catch (problem) {
      // A driver whose program did not come up waits for it for ever.
      driver.kill();
      throw problem;
    }
  }

  /** Waits for an element and gives its text. */
  async text(selector: string): Promise<string> {
    for (;;) {
      const found = await send<Record<string, string>>('POST', `${this.session}/element`, {
        using: 'css selector',
        value: selector,
      });
      try {
        return await send<string>('GET', `${this.session}/element/${Object.values(found)[0]}/text`);
      } catch (problem) {
        // The page put another in its place meanwhile, as it does when the first picture comes.
        if (!String(problem).includes('stale element reference')) throw problem;
      }
    }
  }

  /** Presses an element as a person's pointer does: what covers it is pressed in its place, and that fails. */
  async press(selector: string): Promise<void> {
    const found = await send<Record<string, string>>('POST', `${this.session}/element`, {
      using: 'css selector',
      value: selector,
    });
    await send('POST', `${this.session}/element/${Object.values(found)[0]}/click`, {});
  }

  /** Runs the body of an asynchronous function inside the page and gives what it returns. */
  async inPage<Result>(body: string, ...args: unknown[]): Promise<Result> {
    const script = `const done = arguments[arguments.length - 1];
      (async (...args) => { ${body} })(...Array.prototype.slice.call(arguments, 0, -1)).then(done, (e) => done('failed: ' + e));`;
    return send<Result>('POST', `${this.session}/execute/async`, { script, args });
  }

  async close(): Promise<void> {
    await send('DELETE', this.session);
    // The program ends a moment later and writes into its home until then. Without the driver it would stay.
    while (await livesIn(this.home, this.driver.pid)) await moment();
    const ended = new Promise((resolve) => this.driver.once('exit', resolve));
    this.driver.kill();
    await ended;
    await rm(this.home, { recursive: true });
  }
}

async function send<Value>(method: string, address: string, body?: unknown): Promise<Value> {
  const answer = await fetch(address, {
    method,
    signal: AbortSignal.timeout(20_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { value } = (await answer.json()) as { value: Value };
  if (!answer.ok) throw new Error(`${method} ${address}: ${JSON.stringify(value)}`);
  return value;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Waits until the driver serves requests; fails where it ends instead. */
async function answering(address: string, driver: ChildProcess): Promise<void> {
  let problem: Error | undefined;
  driver.once('error', (error) => (problem = error));
  driver.once('exit', (code) => (problem ??= new Error(`WebKitWebDriver ended with ${code}`)));
  for (;;) {
    if (problem) throw problem;
    const served = await fetch(address).then((answer) => answer.ok, () => false);
    if (served) return;
    await moment();
  }
}

/** Whether a process of this machine other than `driver` still has `home` for its home. */
async function livesIn(home: string, driver: number | undefined): Promise<boolean> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(driver));
  const environments = await Promise.all(processes.map((id) => readFile(`/proc/${id}/environ`, 'latin1').catch(() => '')));
  return environments.some((environment) => environment.split('\0').includes(`HOME=${home}`));
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
