import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { Refusal } from '../host';
import { LOCALES } from '../i18n/catalogues';
import { words } from '../i18n/words.svelte';
import { AT } from '../testing/picture';
import type { Environments as Known, KnownRollout, PlanFile, ToOpen } from '../wire';
import Environments from './Environments.svelte';

function rollout(more: Partial<KnownRollout> = {}): KnownRollout {
  const standing = { code: 'stage-baking', args: { phase: { kind: 'text', value: 'Piloto' } } } as const;
  return { id: 'ivr-texml-2026-11-22', plan: 'IVR a TeXML', environment: 'produccion', stage: 'baking', standing, since: AT - 3_600_000, open: false, under_way: true, fault: null, ...more };
}

function known(more: Partial<Known> = {}): Known {
  return { folder: '/home/ana/timonel', store: null, simulated: true, closed: null, stays: null, rollouts: [], fault: null, plans: [], ...more };
}

const PLAN: PlanFile = { path: '/planes/ivr.toml', name: 'IVR a TeXML', environments: ['produccion', 'ensayos'], findings: [] };

let shown: ReturnType<typeof mount> | undefined;
let complaints: MockInstance;

beforeEach(() => {
  complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
  document.body.replaceChildren();
  expect(complaints.mock.calls).toEqual([]);
  complaints.mockRestore();
  words.locale = 'es';
});

async function page(first: Known, answers: { open?: Refusal; plan?: PlanFile | Refusal } = {}, read_only = false) {
  const say = <T>(what: T | Refusal) => (what instanceof Refusal ? Promise.reject(what) : Promise.resolve(what));
  const host = {
    environments: vi.fn(() => Promise.resolve(first)),
    plan_file: vi.fn((_path: string) => say(answers.plan ?? PLAN)),
    open: vi.fn((_open: ToOpen) => say<void>(answers.open)),
  };
  const onopen = vi.fn();
  shown = mount(Environments, { target: document.body, props: { host, now: AT, read_only, onopen } });
  await settled();
  return { ...host, onopen };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    await Promise.resolve();
    flushSync();
  }
}

const text = () => document.body.textContent.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ');
const button = (label: string) => [...document.querySelectorAll('button')].find((one) => (one.getAttribute('aria-label') ?? one.textContent.trim()) === label);

async function press(label: string): Promise<void> {
  button(label)!.click();
  await settled();
}

async function type_path(path: string): Promise<void> {
  const field = document.querySelector<HTMLInputElement>('input[name="plan-path"]')!;
  field.value = path;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  document.querySelector('form')!.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
  await settled();
}

describe.each(LOCALES)('%s', (locale) => {
  test('what is open, what could be, and a plan with what is wrong in it are all told', async () => {
    words.locale = locale;
    const finding = { error: true, code: 'phase.weight', at: 'phases[0].weight', line: 7, message: 'too much', advice: 'Write 5' };
    const fault = { code: 'error-open-plan-kept', args: { plan: { kind: 'text', value: 'viejo' }, why: { kind: 'text', value: 'schema 0' } } } as const;
    const unreadable = rollout({ id: 'viejo', stage: null, standing: null, fault });
    const plan = { ...PLAN, name: null, environments: [], findings: [finding] };
    await page(known({ rollouts: [rollout(), unreadable], plans: [plan] }));
    expect(text()).toContain('ivr-texml-2026-11-22');
    expect(text()).toContain('schema 0');
    expect(text()).toContain('too much. Write 5');
    expect(text()).toContain('phases[0].weight');
    expect(text()).toMatch(/(línea|line) 7/);
  });
});

test('one press opens a rollout, and the real environment is called by its name', async () => {
  const asked = await page(known({ rollouts: [rollout()] }));
  expect(document.querySelector('[data-rollout="ivr-texml-2026-11-22"] b')?.textContent).toBe('PRODUCCIÓN');
  expect(text()).toContain('nadie lo vigila aquí');
  await press('Abrir ivr-texml-2026-11-22');
  expect(asked.open).toHaveBeenCalledWith({ open: 'rollout', rollout: 'ivr-texml-2026-11-22' });
  expect(asked.onopen).toHaveBeenCalledOnce();
  expect(text()).toContain('Abierto: ivr-texml-2026-11-22. No se ha movido ninguna llamada.');
  expect(asked.environments).toHaveBeenCalledTimes(2);
});

test('while a real rollout is under way nothing else is offered, and why is said', async () => {
  const stays = { code: 'error-open-under-way', args: { rollout: { kind: 'text', value: 'ivr' }, stage: { kind: 'text', value: 'en su fase' }, closable: { kind: 'count', value: 0 } } } as const;
  await page(known({ simulated: false, stays, rollouts: [rollout({ open: true })] }));
  expect(text()).toContain('Ivr está en marcha (en su fase) y sin esta ventana nadie lo vigilaría. Reviértalo');
  expect(document.querySelectorAll('button, form')).toHaveLength(0);
});

test('where nothing is open any more, why is said, and what can be opened stays offered', async () => {
  const closed = { code: 'error-open-store', args: { why: { kind: 'text', value: 'disco lleno' } } } as const;
  await page(known({ simulated: false, closed, rollouts: [rollout()] }));
  expect(document.querySelector('[role="alert"]')?.textContent).toContain('La bitácora no se puede leer (disco lleno)');
  expect(button('Abrir ivr-texml-2026-11-22')).toBeDefined();
});

test('a plan is read by its path and opened in the environment that is pressed', async () => {
  const asked = await page(known());
  await type_path('/planes/ivr.toml');
  expect(asked.plan_file).toHaveBeenCalledWith('/planes/ivr.toml');
  expect(asked.open).not.toHaveBeenCalled();
  await press('Abrir en PRODUCCIÓN');
  expect(asked.open).toHaveBeenCalledWith({ open: 'plan', path: '/planes/ivr.toml', environment: 'produccion' });
});

test('what cannot be opened says what to do, and the way to try again stays', async () => {
  const args = { account: { kind: 'text', value: 'principal' }, credential: { kind: 'text', value: 'telnyx' }, variable: { kind: 'text', value: 'TIMONEL_KEY_TELNYX' } } as const;
  const asked = await page(known(), { open: new Refusal({ code: 'error-open-no-key', args }) });
  await type_path('/planes/ivr.toml');
  await press('Abrir en PRODUCCIÓN');
  expect(document.querySelector('[role="alert"]')?.textContent).toContain('Falta la clave «telnyx» de la cuenta principal');
  expect(asked.onopen).not.toHaveBeenCalled();
  expect(button('Abrir en PRODUCCIÓN')?.disabled).toBe(false);
});

test('a screen that only looks opens nothing', async () => {
  await page(known({ rollouts: [rollout()] }), {}, true);
  expect(text()).toContain('ivr-texml-2026-11-22');
  expect(document.querySelectorAll('button, form')).toHaveLength(0);
});
