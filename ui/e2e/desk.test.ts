// The desk itself: that the other tests stand on a real keyring and a real dunst, and on nothing of whoever runs them.
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Desk } from './desk';
import { until } from './until';

let desk: Desk;
const KEY = { service: 'prueba', username: 'ana' };

beforeAll(async () => void (desk = await Desk.open()));
afterAll(() => desk.close());

test('the keyring keeps what it is told, and a locked one does not say it', async () => {
  expect(await desk.keyring.find(KEY)).toBeNull();
  const storing = desk.start('secret-tool', ['store', '--label=prueba', ...Object.entries(KEY).flat()], { stdio: ['pipe', 'ignore', 'ignore'] });
  storing.stdin?.end('un secreto');
  expect(await until('the secret', () => desk.keyring.find(KEY))).toBe('un secreto');
  await desk.keyring.lock();
  expect(await desk.keyring.find(KEY).catch(() => null)).toBeNull();
  await desk.keyring.start();
  expect(await desk.keyring.find(KEY)).toBe('un secreto');
});

test('a popup is received with its urgency, and the chosen action comes back', async () => {
  const sending = desk.start('notify-send', ['--app-name=prueba', '--urgency=critical', '--action=seen=Visto', '--wait', 'Peso', '5 % → 0 %'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let answer = '';
  sending.stdout?.on('data', (said: Buffer) => (answer += said.toString()));
  const [popup] = await until('the popup', () => desk.popups.all());
  expect(popup).toMatchObject({ program: 'prueba', title: 'Peso', text: '5 % → 0 %', urgency: 'CRITICAL' });
  expect((await desk.popups.choose('Visto')).length).toBeGreaterThan(0);
  await until('the answer', () => answer.includes('seen'));
});

test('another desk has another display, another bus, and nothing of this one', async () => {
  const other = await Desk.open();
  try {
    const [mine, theirs] = [desk, other].map((one) => one.variables('/home/of/a/person'));
    for (const name of ['DISPLAY', 'DBUS_SESSION_BUS_ADDRESS', 'XAUTHORITY']) expect(theirs?.[name], name).not.toBe(mine?.[name]);
    expect(await other.keyring.find(KEY)).toBeNull();
    expect(await other.popups.all()).toEqual([]);
    // Who does not have the cookie sees nothing of the display.
    const { DISPLAY = '' } = other.variables(other.folder);
    const outsider = desk.start('xdpyinfo', ['-display', DISPLAY]);
    expect(await new Promise((resolve) => outsider.once('exit', resolve))).not.toBe(0);
    const guest = other.start('xdpyinfo', []);
    expect(await new Promise((resolve) => guest.once('exit', resolve))).toBe(0);
  } finally {
    await other.close();
  }
  await expect(readdir(other.folder)).rejects.toThrow('ENOENT');
});
