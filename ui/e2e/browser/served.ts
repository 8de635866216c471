// The page as the second host serves it, in a real browser: `timonelctl ui-host` on the simulator, and what one page of it hears and
// asks over its socket. Deliberately not here: what is expected of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Ask, Question, Sections, ServerMessage } from '../../src/lib/wire';
import { line } from '../desk';
import { until } from '../until';

/** A second host with a world of its own. */
export class Host {
  private constructor(
    readonly address: string,
    private readonly program: ChildProcess,
    private readonly home: string,
  ) {}

  /** Starts the program at `TIMONEL_HOST` in the name of ana. `options` are those of `timonelctl ui-host`. */
  static async open(...options: string[]): Promise<Host> {
    const binary = process.env['TIMONEL_HOST'];
    if (!binary) throw new Error('TIMONEL_HOST has to be the full path of the built timonelctl');
    const home = await mkdtemp(join(tmpdir(), 'timonel-host-'));
    const program = spawn(binary, ['ui-host', '--port', '0', '--by', 'ana', ...options], {
      env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home, XDG_RUNTIME_DIR: home, XDG_DATA_HOME: join(home, 'data'), XDG_CONFIG_HOME: join(home, 'config'), LANG: 'es_ES.UTF-8' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = await line(program, 1);
    const address = /http:\/\/\S+/.exec(said)?.[0];
    if (!address) throw new Error(`no address in: ${said}`);
    return new Host(address, program, home);
  }

  async close(): Promise<void> {
    const over = new Promise((resolve) => this.program.once('exit', resolve));
    if (this.program.exitCode === null && this.program.kill('SIGINT')) await over;
    await rm(this.home, { recursive: true });
  }
}

/** The browser at `TIMONEL_BROWSER`, without a display. */
export async function browser(): Promise<Browser> {
  const executablePath = process.env['TIMONEL_BROWSER'];
  if (!executablePath) throw new Error('TIMONEL_BROWSER has to be the full path of a Chromium');
  return chromium.launch({ executablePath });
}

export const LANGUAGES = ['es', 'en'] as const;
export const THEMES = ['light', 'dark'] as const;

/** How a page looks. */
export interface Look {
  language: (typeof LANGUAGES)[number];
  theme: (typeof THEMES)[number];
}

/** Every look that there is. */
export const LOOKS: readonly Look[] = LANGUAGES.flatMap((language) => THEMES.map((theme) => ({ language, theme })));

/** A page of a host, with what went over its socket. */
export class Served {
  /** What the page has been told so far. */
  readonly told: Sections = {};
  /** What it asked, in order. */
  readonly asked: Question[] = [];
  /** What a browser complains of: errors of scripts, and what the policy refused. */
  readonly complaints: string[] = [];
  /** So many batches came. */
  batches = 0;

  private constructor(readonly page: Page) {}

  /** Opens a page in a profile of its own, in the look of `look`, once it shows the rollout. */
  static async open(by: Browser, host: Host, look: Look, more: BrowserContextOptions = {}): Promise<Served> {
    const context = await by.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: look.theme, reducedMotion: 'no-preference', ...more });
    const served = new Served(await context.newPage());
    served.#listen();
    await served.page.goto(host.address);
    await served.page.locator('[data-emergency] button').waitFor();
    await served.speak(look.language);
    return served;
  }

  /** Chooses a language as a person does, by the button that says which one it leads to. */
  async speak(language: Look['language']): Promise<void> {
    const now = () => this.page.evaluate(() => document.documentElement.lang);
    if ((await now()) !== language) await this.page.getByRole('button', { name: /English|español/i }).last().click();
    await until(`the page in ${language}`, async () => (await now()) === language);
  }

  /** Waits until what the page was told is `good`, and until it shows a batch that came later. */
  async until(what: string, good: (told: Sections) => boolean, within_ms?: number): Promise<void> {
    await until(what, () => good(this.told), within_ms);
    const seen = this.batches;
    await until('another batch', () => this.batches > seen);
  }

  /** Goes on with the tabulator until the focus is within `selector`; gives how many presses that took. */
  async tab_to(selector: string, at_most = 80): Promise<number> {
    for (let presses = 1; presses <= at_most; presses += 1) {
      await this.page.keyboard.press('Tab');
      if (await this.page.evaluate((inside) => document.activeElement?.closest(inside) !== null, selector)) return presses;
    }
    throw new Error(`${selector} is not reached with ${at_most} presses of the tabulator`);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  #listen(): void {
    this.page.on('pageerror', (error) => this.complaints.push(String(error)));
    this.page.on('console', (said) => {
      if (said.type() === 'error' || said.type() === 'warning') this.complaints.push(said.text());
    });
    this.page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => this.asked.push((JSON.parse(String(payload)) as Ask).ask));
      socket.on('framereceived', ({ payload }) => {
        const message = JSON.parse(String(payload)) as ServerMessage;
        if (message.is !== 'batch') return;
        Object.assign(this.told, message.batch.sections);
        this.batches += 1;
      });
    });
  }
}
