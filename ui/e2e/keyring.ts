// A real gnome-keyring at a desk, and what is in it, asked over its own D-Bus interface as any other program would.
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Desk } from './desk';
import { until } from './until';

const SERVICE = 'org.freedesktop.secrets';
const LOGIN = '/org/freedesktop/secrets/collection/login';

export class Keyring {
  readonly #desk: Desk;
  #daemon: ChildProcess | null = null;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /**
   * Starts it with its login keyring unlocked, in place of the one before: that is how a locked one is unlocked where nobody
   * can type a password. What it kept stays.
   */
  async start(): Promise<void> {
    if (this.#daemon) await this.#desk.end(this.#daemon);
    const control = join(this.#desk.folder, 'run', 'keyring');
    await mkdir(control, { recursive: true, mode: 0o700 });
    this.#daemon = this.#desk.start('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets', `--control-directory=${control}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#daemon.stdin?.end('la contrasena de la sesion');
    await until('gnome-keyring on the bus', () => onBus(this.#desk, SERVICE));
  }

  /** Locks it, as a desk does that is left alone. */
  async lock(): Promise<void> {
    const said = await call(this.#desk, SERVICE, '/org/freedesktop/secrets', 'org.freedesktop.Secret.Service.Lock', `array:objpath:${LOGIN}`);
    if (!said.includes(LOGIN)) throw new Error(`it is not locked: ${said}`);
  }

  /** What is kept under these attributes, as `secret-tool` finds it; `null` where there is nothing. */
  async find(attributes: Record<string, string>): Promise<string | null> {
    const words = Object.entries(attributes).flat();
    return this.#desk.ask('secret-tool', ['lookup', ...words]).catch((problem: { code?: unknown; stdout?: string }) => {
      // It says nothing and ends with 1 where there is no such entry.
      if (problem.code === 1 && problem.stdout === '') return null;
      throw problem;
    });
  }
}

/** Whether somebody answers to `name` on the desk's bus. */
export async function onBus(desk: Desk, name: string): Promise<boolean> {
  const said = await call(desk, 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner', `string:${name}`);
  return said.includes('boolean true');
}

/** Calls a method on the desk's bus and gives the answer as `dbus-send` prints it. */
export function call(desk: Desk, to: string, path: string, method: string, ...args: string[]): Promise<string> {
  return desk.ask('dbus-send', ['--session', '--print-reply', '--reply-timeout=5000', `--dest=${to}`, path, method, ...args]);
}
