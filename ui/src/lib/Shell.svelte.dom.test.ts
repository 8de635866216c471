// What a person gives goes to the rollout that they had before them, whatever has been opened meanwhile.
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Host, Refusal } from './host';
import { words } from './i18n/words.svelte';
import { Helm } from './known/helm.svelte';
import { Known } from './known/known.svelte';
import Shell from './Shell.svelte';
import { picture } from './testing/picture';
import type { Aim, Order, Picture } from './wire';

const never = () => new Promise<never>(() => {});

function of(rollout: string, environment: string): Picture {
  const calm = picture();
  return picture({
    environment: { ...calm.environment, name: environment, simulated: false },
    rollout: { ...calm.rollout, id: rollout, may: ['freeze', 'approve'] },
    emergency: { ...calm.emergency, rollout },
    // Charts want a real screen.
    board: [],
  });
}

const NORTH = of('ivr-texml-2026-11-22', 'produccion');
const SOUTH = of('reservas-2026-11-23', 'pruebas');
const AT_NORTH: Aim = { rollout: 'ivr-texml-2026-11-22', environment: 'produccion' };
const AT_SOUTH: Aim = { rollout: 'reservas-2026-11-23', environment: 'pruebas' };

let shown: ReturnType<typeof mount> | undefined;

beforeEach(() => {
  words.locale = 'es';
});

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
  document.body.replaceChildren();
});

function page(first: Picture, answer: () => Promise<never> = never) {
  const order = vi.fn((_aim: Aim, _order: Order) => answer());
  const acknowledge = vi.fn((_aim: Aim, _alert: string, _comment: string) => answer());
  const host: Host = { about: never, picture: never, watch: never, hidden: never, language: never, order, acknowledge, series: never, told: () => () => {}, picture_file: never, credentials: never, credential_put: never, credential_test: never, credential_delete: never, popup_test: never, environments: never, plan_file: never, plan: never, power: never, open: never };
  const props = $state({ picture: first, known: new Known(), helm: new Helm(host), host, about: { version: '1.2.3', languages: [], read_only: false } });
  shown = mount(Shell, { target: document.body, props });
  flushSync();
  return { order, acknowledge, opens: (next: Picture) => flushSync(() => void Object.assign(props, { picture: next })) };
}

const press = (within: string, label: string) => {
  const found = [...document.querySelectorAll<HTMLButtonElement>(`${within} button`)].find((one) => one.textContent.includes(label));
  if (!found) throw new Error(`no ${label} in ${within}`);
  found.dispatchEvent(new MouseEvent('click', { detail: 1, bubbles: true, cancelable: true }));
  flushSync();
};

const submit = (selector: string) => {
  document.querySelector(selector)?.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
  flushSync();
};

test('the emergency control goes to what is on the screen when it is pressed', () => {
  const { order, opens } = page(NORTH);
  press('[data-emergency]', 'Revertir');
  opens(SOUTH);
  press('[data-emergency]', 'Revertir');
  const back = { order: 'roll-back', confirmed: false };
  expect(order.mock.calls).toEqual([
    [AT_NORTH, back],
    [AT_SOUTH, back],
  ]);
});

test('a dialogue that was opened over one rollout does not give its order to the next', () => {
  const { order, opens } = page(NORTH);
  press('.orders', 'Aprobar');
  opens(SOUTH);
  const typed = document.querySelector<HTMLInputElement>('dialog input')!;
  typed.value = 'produccion';
  typed.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
  submit('dialog form');
  expect(order.mock.calls).toEqual([[AT_NORTH, { order: 'approve' }]]);
});

test('an alert is acknowledged where it was seen', () => {
  const { acknowledge } = page(SOUTH);
  press('.alerts', 'Reconocer');
  submit('.alerts form');
  expect(acknowledge.mock.calls).toEqual([[AT_SOUTH, 'a-1', '']]);
});

test('an emergency press that was meant for another rollout is told in the control and above everything', async () => {
  const text = (value: string) => ({ kind: 'text', value }) as const;
  const args = { rollout: text('ivr-texml-2026-11-22'), environment: text('produccion'), open: text('reservas-2026-11-23'), place: text('pruebas') };
  const { opens } = page(NORTH, () => Promise.reject(new Refusal({ code: 'error-other-rollout', args })));
  press('[data-emergency]', 'Revertir');
  opens(SOUTH);
  const said = (selector: string) => document.querySelector(selector)?.textContent.replace(/[\u2066-\u2069]/g, '') ?? '';
  await vi.waitFor(() => {
    flushSync();
    expect(said('.strips [role=alert]')).toContain('No se hizo');
  });
  const why = 'esto era para ivr-texml-2026-11-22 en produccion, y ahora está abierto reservas-2026-11-23 en pruebas: vuelva a mirar y pulse otra vez';
  expect(said('.strips [role=alert]')).toContain(why);
  expect(said('[data-emergency] button')).toContain(why);
});

const led = { read_at: NORTH.at - 72_000, lost: false, unled: false, from_kit: false };
const looked_on = (more: Partial<typeof led>): Picture => ({ ...NORTH, environment: { ...NORTH.environment, looking_on: { ...led, ...more } } });
const strip = (selector: string) => document.querySelector(`.strips ${selector}`)?.textContent.replace(/[\u2066-\u2069]/g, '').trim() ?? null;

test('whoever looks on is told that the shared journal is away, and that rolling back works all the same', () => {
  const { order, opens } = page(looked_on({}));
  expect(strip('[data-looking-on]')).toBeNull();
  expect(document.querySelector('.band')?.textContent).toContain('por la bitácora compartida');
  opens(looked_on({ lost: true, unled: true }));
  expect(strip('[data-looking-on=lost][role=alert]')).toContain('Sin la bitácora compartida desde hace');
  expect(strip('[data-looking-on=unled]'), 'what is not heard is not told').toBeNull();
  expect(document.querySelector('.sentence')?.textContent).not.toContain('Sin novedad');
  press('[data-emergency]', 'Revertir');
  expect(order.mock.calls).toEqual([[AT_NORTH, { order: 'roll-back', confirmed: false }]]);
  opens(looked_on({ lost: true, from_kit: true }));
  expect(strip('[data-looking-on=from-kit]')).toContain('con el equipo de reversión de este puesto');
});

test('a rollout that no engine leads says so loudly, in either language', () => {
  const { opens } = page(looked_on({ unled: true }));
  expect(strip('[data-looking-on=unled][role=alert]')).toContain('Nadie vigila este despliegue');
  words.locale = 'en';
  opens({ ...looked_on({ unled: true }), revision: 8 });
  expect(strip('[data-looking-on=unled][role=alert]')).toContain('Nobody watches this rollout');
  opens({ ...looked_on({ unled: true }), rollout: { ...NORTH.rollout, stage: 'closed' } });
  expect(strip('[data-looking-on]'), 'a closed one needs nobody').toBeNull();
});

test('an order that went to another program is told as sent until its answer is there', () => {
  page(looked_on({}));
  press('.orders', 'Aprobar');
  const typed = document.querySelector<HTMLInputElement>('dialog input')!;
  typed.value = 'produccion';
  typed.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
  submit('dialog form');
  expect(strip('[data-order=sending][role=status]')).toContain('Enviado a quien tiene el mando');
});
