// Drives the real program over WebDriver: the engine's own driver starts it, so no program stands between.
// Only what the tests ask for is here; the protocol is a handful of JSON requests.
import type { ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Desk, empty, type Variables } from './desk';
import { until } from './until';

/** An open window of the program. */
export class Window {
  private constructor(
    private readonly desk: Desk,
    private readonly driver: ChildProcess,
    private readonly session: string,
    private readonly home: string,
  ) {}

  /** Starts the program at `TIMONEL_PROGRAM` at a desk, with `variables` beside the desk's, in `home` or in one of its own. */
  static async open(desk: Desk, variables: Variables, home?: string): Promise<Window> {
    const binary = process.env['TIMONEL_PROGRAM'];
    if (!binary) throw new Error('TIMONEL_PROGRAM has to be the full path of the built program');
    const at = home ?? (await desk.home());
    const port = await freePort();
    // What the program says goes where everything goes that it writes.
    const log = await open(join(at, 'log'), 'a');
    const driver = desk.start('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
      stdio: ['ignore', log.fd, log.fd],
      env: { ...desk.variables(at), TAURI_WEBVIEW_AUTOMATION: 'true', ...variables },
    });
    await log.close();
    const base = `http://127.0.0.1:${port}`;
    try {
      await answering(`${base}/status`, driver);
      const opened = await send<{ sessionId: string }>('POST', `${base}/session`, {
        capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: [] } } },
      });
      const window = new Window(desk, driver, `${base}/session/${opened.sessionId}`, at);
      await send('POST', `${window.session}/timeouts`, { implicit: 15_000, script: 15_000 });
      return window;
    } catch (problem) {
      // A driver whose program did not come up waits for it for ever.
      await desk.end(driver);
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

  /** Asks what the page may ask, as it asks it: over the real IPC, through the real capability. A refusal is thrown as JSON. */
  async ask<Answer>(command: string, args: object = {}): Promise<Answer> {
    const answer = await this.inPage<{ good?: Answer; bad?: unknown }>(
      `return window.__TAURI_INTERNALS__.invoke(args[0], args[1]).then((good) => ({ good }), (bad) => ({ bad }));`,
      command,
      args,
    );
    if (answer.bad !== undefined) throw new Error(JSON.stringify(answer.bad));
    return answer.good as Answer;
  }

  /** Types into a field as a keyboard does, in place of what stands there. */
  async type(selector: string, text: string): Promise<void> {
    const found = await send<Record<string, string>>('POST', `${this.session}/element`, {
      using: 'css selector',
      value: selector,
    });
    const field = `${this.session}/element/${Object.values(found)[0]}`;
    await send('POST', `${field}/clear`, {});
    await send('POST', `${field}/value`, { text });
  }

  /** Makes the page so large, in pixels. */
  async size(width: number, height: number): Promise<void> {
    await send('POST', `${this.session}/window/rect`, { x: 0, y: 0, width, height });
    await until(`a page of ${width} by ${height}`, () => this.inPage<boolean>('return innerWidth === args[0] && innerHeight === args[1]', width, height));
  }

  /** What the page looks like: a PNG. */
  async picture(): Promise<Buffer> {
    return Buffer.from(await send<string>('GET', `${this.session}/screenshot`), 'base64');
  }

  async close(): Promise<void> {
    await send('DELETE', this.session);
    // The program ends a moment later, and would stay without the driver.
    await empty(this.home, this.driver.pid);
    await this.desk.end(this.driver);
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
  const over = new Promise<never>((_, reject) => {
    driver.once('error', reject);
    driver.once('exit', (code) => reject(new Error(`WebKitWebDriver ended with ${code}`)));
  });
  await Promise.race([over, until('an answer of WebKitWebDriver', () => fetch(address).then((answer) => answer.ok))]);
}
