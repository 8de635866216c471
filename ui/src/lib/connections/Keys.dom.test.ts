import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { type Host, Refusal } from '../host';
import { LOCALES } from '../i18n/catalogues';
import { words } from '../i18n/words.svelte';
import { AT } from '../testing/picture';
import type { Credential, CredentialChange, CredentialTest, PlaceState, Use, Vault } from '../wire';
import Keys from './Keys.svelte';

const SECRET = 'CLAVE-QUE-NADIE-VE';
const DAY = 86_400_000;

function place(name: PlaceState['place'], more: Partial<PlaceState> = {}): PlaceState {
  return { place: name, path: null, condition: 'available', advice: null, said: null, usual: false, writable: name !== 'environment', ...more };
}

const USE: Use = { environment: 'produccion', open: true, account: 'principal', targets: ['telnyx'], sources: ['registros', 'telnyx'] };

function key(more: Partial<Credential> = {}): Credential {
  return { name: 'telnyx-produccion', place: 'keychain', stored_at: AT - 3 * DAY, condition: 'available', missing: false, in_force: true, general: false, last_test: null, used_by: [USE], ...more };
}

function vault(more: Partial<Vault> = {}): Vault {
  return {
    at: AT,
    places: [place('environment'), place('session'), place('keychain', { usual: true }), place('file', { path: '/home/ana/credentials.json' })],
    credentials: [],
    wanted: [],
    most_bytes: 1200,
    ...more,
  };
}

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

/** The screen over a host that answers with these; what it was asked is in the spies. */
async function page(first: Vault, answers: Partial<Record<'put' | 'test' | 'remove', unknown>> = {}) {
  const say = (what: unknown) => (what instanceof Refusal ? Promise.reject(what) : Promise.resolve(what));
  const host = {
    credentials: vi.fn(() => Promise.resolve(first)),
    credential_put: vi.fn((_name: string, _keep: string, _secret: string) => say(answers.put)),
    credential_test: vi.fn((_name: string) => say(answers.test)),
    credential_delete: vi.fn((_name: string, _keep: string) => say(answers.remove)),
  };
  shown = mount(Keys, { target: document.body, props: { host: host as unknown as Host } });
  await settled();
  return host;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    await Promise.resolve();
    flushSync();
  }
}

const text = () => document.body.textContent.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ');
const field = (name: string) => document.querySelector<HTMLInputElement>(`input[name="${name}"]`)!;
const button = (label: string) => [...document.querySelectorAll('button')].find((one) => (one.ariaLabel ?? one.getAttribute('aria-label') ?? one.textContent.trim()) === label)!;

async function type_key(secret: string): Promise<void> {
  field('credential-secret').value = secret;
  document.querySelector('form')!.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
  await settled();
}

const KEPT: CredentialChange = { name: 'telnyx-produccion', place: 'keychain', in_force: 'keychain', effect: 'next' };

describe('a key that is typed', () => {
  test('goes to the host once, to the keychain where nobody chose, and the field is empty while it is on its way', async () => {
    const host = await page(vault({ wanted: [{ name: 'telnyx-produccion', used_by: [USE], general: false }] }), { put: KEPT });
    expect(field('credential-name').value).toBe('telnyx-produccion');
    field('credential-secret').value = SECRET;
    document.querySelector('form')!.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
    expect(field('credential-secret').value).toBe('');
    await settled();
    expect(host.credential_put.mock.calls).toEqual([['telnyx-produccion', 'keychain', SECRET]]);
    expect(host.credentials).toHaveBeenCalledTimes(2);
    expect(text()).toContain('«telnyx-produccion» queda guardada en el llavero. Cuenta desde el próximo despliegue');
    expect(document.documentElement.outerHTML).not.toContain(SECRET);
  });

  test('is gone from the field when the screen is left, and when it was refused', async () => {
    const why = new Refusal({ code: 'error-credential-locked', args: { place: { kind: 'sentence', value: { code: 'vault-place-keychain', args: {} } }, said: { kind: 'text', value: 'Prompt' } } });
    await page(vault(), { put: why });
    field('credential-name').value = 'una';
    field('credential-name').dispatchEvent(new Event('input', { bubbles: true }));
    await type_key(SECRET);
    expect(field('credential-secret').value).toBe('');
    expect(document.querySelector('form [role=alert]')?.textContent).toContain('bloqueado');
    const typed = field('credential-secret');
    typed.value = SECRET;
    await unmount(shown!);
    shown = undefined;
    expect(typed.value).toBe('');
  });

  test('is a password field that nothing completes, with its own label and hint', async () => {
    await page(vault());
    const secret = field('credential-secret');
    expect([secret.type, secret.autocomplete]).toEqual(['password', 'off']);
    expect(document.querySelector(`label[for="${secret.id}"]`)?.textContent).toBe('Clave');
    expect(document.getElementById(secret.getAttribute('aria-describedby')!)?.textContent).toContain('1200 bytes');
  });

  test('in the place of its name does not stay in sight', async () => {
    await page(vault(), { put: new Refusal({ code: 'error-credential-name-is-key', args: {} }) });
    field('credential-name').value = `KEY${SECRET}`;
    field('credential-name').dispatchEvent(new Event('input', { bubbles: true }));
    await type_key('otra');
    expect(field('credential-name').value).toBe('');
    expect(text()).toContain('Eso parece la clave');
  });
});

test('memory alone is never chosen for anybody, and its consequence stands beside it', async () => {
  const locked = place('keychain', { usual: true, condition: 'locked', advice: { code: 'advice-keychain-locked', args: {} }, said: 'the keychain is locked' });
  const host = await page(vault({ places: [place('environment'), place('session'), locked, place('file', { path: '/x' })] }), { put: KEPT });
  const choices = [...document.querySelectorAll<HTMLInputElement>('input[type=radio]')];
  expect(choices.map((choice) => [choice.value, choice.checked])).toEqual([
    ['keychain', true],
    ['session', false],
    ['file', false],
  ]);
  expect(document.getElementById('key-keep-session')?.textContent).toContain('no podrá mover ni revertir');
  choices[1]!.click();
  field('credential-name').value = 'una';
  field('credential-name').dispatchEvent(new Event('input', { bubbles: true }));
  await type_key(SECRET);
  expect(host.credential_put.mock.calls).toEqual([['una', 'session', SECRET]]);
  expect(choices.map((choice) => choice.checked)).toEqual([true, false, false]);
});

test('a place that cannot be used says what to do, by shape and words, and is tried again on demand', async () => {
  const absent = place('keychain', { condition: 'absent', advice: { code: 'advice-keychain-absent-linux', args: {} }, said: 'no bus' });
  const host = await page(vault({ places: [place('environment'), place('session'), absent] }));
  const row = document.querySelector('li[data-place=keychain]')!;
  expect(row.querySelector('svg')?.dataset['shape']).toBe('lost');
  expect(row.textContent).toMatch(/no está[\s\S]*gnome-keyring, KWallet o KeePassXC/);
  host.credentials.mockResolvedValue(vault());
  button('Reintentar: llavero').click();
  await settled();
  expect(document.querySelector('li[data-place=keychain]')?.getAttribute('data-condition')).toBe('available');
  expect(button('Reintentar: llavero')).toBeUndefined();
});

describe('the list', () => {
  test('says where, how old, how the last test went, whether it is used and by whom', async () => {
    await page(
      vault({
        credentials: [
          key({ last_test: { at: AT - 2 * 3_600_000, ok: true } }),
          key({ place: 'file', in_force: false, last_test: { at: AT - 60_000, ok: false } }),
          key({ name: 'vieja', missing: true, in_force: false, used_by: [] }),
          key({ name: 'TELNYX_API_KEY', place: 'environment', stored_at: null, general: true, used_by: [] }),
        ],
      }),
    );
    const cell = (one: Element) => one.textContent.replace(/\s+/g, ' ').replace(/\u00a0/g, ' ').trim();
    const rows = [...document.querySelectorAll('tbody tr')].map((row) => [...row.children].map(cell).join(' | '));
    expect(rows[0]).toBe('telnyx-produccion | llavero | hace 3 d | bien, hace 2 h | en uso | cuenta principal: telnyx y registros | Probar Quitar');
    expect(rows[1]).toContain('| fichero | hace 3 d | mal, hace 1 min | no se usa: va antes la que está en el llavero');
    expect(rows[1]).not.toContain('Probar');
    expect(rows[2]).toContain('ya no está');
    expect(rows[3]).toBe('TELNYX_API_KEY | variables del proceso | sin fecha | sin probar | en uso | toda cuenta que no tenga clave propia | Probar');
  });

  test('a test shows each check with what was seen', async () => {
    const came: CredentialTest = {
      name: 'telnyx-produccion',
      at: AT,
      ok: false,
      checks: [
        { account: 'principal', sentence: { code: 'check-credential-found', args: { code: { kind: 'text', value: 'credential.found' } } }, ok: true, said: 'the keychain' },
        { account: 'principal', sentence: { code: 'check-account-key-bad', args: { code: { kind: 'text', value: 'account.key' } } }, ok: false, said: '401' },
      ],
    };
    const host = await page(vault({ credentials: [key()] }), { test: came });
    button('Probar telnyx-produccion').click();
    await settled();
    expect(host.credential_test.mock.calls).toEqual([['telnyx-produccion']]);
    const checks = [...document.querySelectorAll('[data-tested] li')].map((item) => [item.querySelector('svg')?.dataset['shape'], item.textContent.replace(/\s+/g, ' ').trim()]);
    expect(checks).toEqual([
      ['done', 'principal · Hay una clave con ese nombre the keychain'],
      ['no', 'principal · La clave no abre la cuenta 401'],
    ]);
  });

  test('a key is taken away from one place, after one question with its name and who uses it', async () => {
    const gone: CredentialChange = { name: 'telnyx-produccion', place: 'keychain', in_force: 'file', effect: 'reopen' };
    const host = await page(vault({ credentials: [key(), key({ place: 'file', in_force: false })] }), { remove: gone });
    button('Quitar telnyx-produccion (llavero)').click();
    await settled();
    const dialog = document.querySelector('dialog')!;
    expect(dialog.textContent).toContain('Quitar «telnyx-produccion» (llavero)');
    expect(dialog.textContent).toMatch(/cuenta principal: telnyx y registros.*Después se usará la que está en el fichero/s);
    expect(host.credential_delete).not.toHaveBeenCalled();
    dialog.querySelector('form')!.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
    await settled();
    expect(host.credential_delete.mock.calls).toEqual([['telnyx-produccion', 'keychain']]);
    expect(text()).toContain('Desde ahora se usa la que está en el fichero. El despliegue abierto sigue con la que cargó');
  });
});

test('what the open environment lacks is alarming, what another one uses is a note', async () => {
  const later: Use = { ...USE, environment: 'ensayo-general', open: false };
  await page(
    vault({
      wanted: [
        { name: 'una', used_by: [USE], general: false },
        { name: 'otra', used_by: [later], general: false },
        { name: 'tercera', used_by: [USE], general: true },
      ],
    }),
  );
  const shapes = [...document.querySelectorAll<HTMLElement>('[data-wanted]')].map((row) => [row.dataset['wanted'], row.querySelector('svg')?.dataset['shape']]);
  expect(shapes).toEqual([
    ['una', 'alarm'],
    ['otra', 'note'],
    ['tercera', 'note'],
  ]);
  expect(text()).toContain('cuenta principal del entorno ensayo-general');
  button('Guardar «otra»…').click();
  await settled();
  expect(field('credential-name').value).toBe('otra');
  expect(document.activeElement).toBe(field('credential-secret'));
});

test('where nothing can be asked it says why, and asks again', async () => {
  const host = await page(vault());
  await unmount(shown!);
  document.body.replaceChildren();
  host.credentials.mockRejectedValueOnce(new Refusal({ code: 'error-gone', args: {} }));
  shown = mount(Keys, { target: document.body, props: { host: host as unknown as Host } });
  await settled();
  expect(document.querySelector('[role=alert]')?.textContent).toContain('Reintentar');
  button('Reintentar').click();
  await settled();
  expect(document.querySelector('form')).not.toBeNull();
});

describe.each(LOCALES)('%s', (locale) => {
  test('every state of every place has its words', async () => {
    words.locale = locale;
    const advice = ['advice-keychain-locked', 'advice-keychain-absent-linux', 'advice-keychain-absent', 'advice-keychain-denied', 'advice-keychain-silent', 'advice-keychain-unbuilt', 'advice-file-denied', 'advice-place'];
    for (const condition of ['available', 'locked', 'absent', 'denied', 'silent', 'unbuilt'] as const) {
      for (const code of advice) {
        await page(vault({ places: [place('environment'), place('keychain', { condition, advice: { code, args: {} } }), place('file', { condition, path: '/x' })], credentials: [key({ condition, in_force: false })] }));
        await unmount(shown!);
        shown = undefined;
        document.body.replaceChildren();
      }
    }
    expect(complaints.mock.calls).toEqual([]);
  });
});
