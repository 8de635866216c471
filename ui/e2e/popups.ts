// A real dunst at a desk: what popups it received, and a person who answers one.
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Desk } from './desk';
import { onBus } from './keyring';
import { until } from './until';

/** A popup as dunst received it. */
export interface Popup {
  id: string;
  program: string;
  title: string;
  text: string;
  urgency: string;
}

export class Popups {
  readonly #desk: Desk;
  #daemon: ChildProcess | null = null;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await script(this.#heard, HEARD.replace('LOG', this.#log));
    await script(this.#menu, MENU.replaceAll('FOLDER', this.#folder));
    await writeFile(this.#log, '');
    const config = join(this.#folder, 'dunstrc');
    await writeFile(config, CONFIG.replace('HEARD', this.#heard).replace('MENU', this.#menu));
    this.#daemon = this.#desk.start('dunst', ['-config', config]);
    await until('dunst on the bus', () => onBus(this.#desk, 'org.freedesktop.Notifications'));
  }

  /** Ends dunst, as a desk without popups has none. */
  async end(): Promise<void> {
    if (this.#daemon) await this.#desk.end(this.#daemon);
    this.#daemon = null;
  }

  /** What it has received since it was started, the oldest first. An update of a popup is one more. */
  async all(): Promise<Popup[]> {
    const log = await readFile(this.#log, 'utf8');
    return log
      .split('\x1e')
      .slice(0, -1)
      .map((record) => {
        const [id = '', program = '', title = '', text = '', urgency = ''] = record.split('\x1f');
        return { id, program, title, text, urgency };
      });
  }

  /**
   * Opens the menu of what is on the screen, as a person does, and chooses the line with `label`; gives what the menu offered.
   * Fails where no line has it.
   */
  async choose(label: string): Promise<string[]> {
    await writeFile(join(this.#folder, 'wanted'), label);
    await writeFile(join(this.#folder, 'offered'), '');
    await this.#desk.ask('dunstctl', ['context']);
    const offered = await until(`a menu with "${label}"`, () => readFile(join(this.#folder, 'offered'), 'utf8'));
    const lines = offered.trim().split('\n');
    if (!lines.some((line) => line.includes(label))) throw new Error(`no line with "${label}" among: ${offered}`);
    return lines;
  }

  get #folder(): string {
    return join(this.#desk.folder, 'dunst');
  }

  get #log(): string {
    return join(this.#folder, 'received');
  }

  get #heard(): string {
    return join(this.#folder, 'heard');
  }

  get #menu(): string {
    return join(this.#folder, 'menu');
  }
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o755 });
}

const CONFIG = `[global]
    dmenu = "MENU"
    browser = /bin/false
    monitor = 0
    font = DejaVu Sans 10
    history_length = 100
[everything]
    summary = "*"
    script = "HEARD"
`;

/** Runs once for every popup. One write each, so that two at once do not mix. */
const HEARD = `#!/bin/sh
printf '%s\\037%s\\037%s\\037%s\\037%s\\036' "$DUNST_ID" "$DUNST_APP_NAME" "$DUNST_SUMMARY" "$DUNST_BODY" "$DUNST_URGENCY" >> 'LOG'
`;

/** Stands in for the menu in which a person chooses: writes down what is offered, and answers with the wanted line. */
const MENU = `#!/bin/sh
cat > 'FOLDER/lines'
cp 'FOLDER/lines' 'FOLDER/offered'
grep -F -m 1 -f 'FOLDER/wanted' 'FOLDER/lines'
`;
