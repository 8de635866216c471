// What the screen says of keys and of where they are kept. Decides nothing, and never holds a secret.
import { words } from '../i18n/words.svelte';
import type { Shape } from '../parts/Mark.svelte';
import type { Credential, CredentialChange, KeepName, PlaceCondition, PlaceName, PlaceState, Use, Vault, Wanted } from '../wire';

/** The shape of a place's state: what waits for a person, what is not there and what refuses are told apart. */
export const SHAPES: Record<PlaceCondition, Shape> = {
  available: 'live',
  locked: 'waiting',
  absent: 'lost',
  denied: 'no',
  silent: 'late',
  unbuilt: 'lost',
};

/** Where a key can be kept, the one that is usual first and the memory before the file: it is the alternative for a desk. */
export function choices(vault: Vault): PlaceState[] {
  const order: PlaceName[] = ['keychain', 'session', 'file', 'environment'];
  const writable = vault.places.filter((place) => place.writable);
  return writable.toSorted((a, b) => Number(b.usual) - Number(a.usual) || order.indexOf(a.place) - order.indexOf(b.place));
}

/** A place that a person can write to, by its name on the wire. */
export function keep_of(place: PlaceName): KeepName | null {
  return place === 'environment' ? null : place;
}

/** A place in a few words. */
export function place_name(place: PlaceName): string {
  return place === 'file' ? words.say('vault-file') : words.say(`vault-place-${place}`);
}

/** A place within a sentence. */
export function the_place(place: PlaceName): string {
  return words.say(`the-place-${place}`);
}

/** Who uses a key, in one phrase; `null` where nobody does. */
export function used(used_by: readonly Use[]): string | null {
  if (used_by.length === 0) return null;
  const phrases = used_by.map((use) => {
    // A plan may call a target and a source of one account alike.
    const through = [...new Set([...use.targets, ...use.sources])];
    const names = words.format.list(through);
    return words.say('keys-use', { account: use.account, environment: use.environment, open: use.open ? 'yes' : 'no', through: through.length > 0 ? 'some' : 'none', names });
  });
  return phrases.join('; ');
}

/** A name that is wanted, as a sentence: what the open environment needs is missing, the rest is for later. */
export function wants(wanted: Wanted): string {
  const now = wanted.used_by.some((use) => use.open);
  return words.say(now ? 'keys-wanted' : 'keys-wanted-later', { name: wanted.name, uses: used(wanted.used_by) ?? '' });
}

/** Whether something is wanted that the open environment cannot do without. */
export function is_due(wanted: Wanted): boolean {
  return !wanted.general && wanted.used_by.some((use) => use.open);
}

/** The state of one key, with its shape. */
export function standing(key: Credential, all: readonly Credential[]): { shape: Shape; text: string } {
  if (key.missing) return { shape: 'no', text: words.say('keys-missing') };
  if (key.condition !== 'available') return { shape: SHAPES[key.condition], text: words.say(`condition-${key.condition}`) };
  if (key.in_force) return { shape: 'done', text: words.say('keys-in-force') };
  const first = all.find((other) => other.name === key.name && other.in_force);
  return { shape: 'note', text: words.say('keys-spare', { place: the_place(first?.place ?? key.place) }) };
}

/** Whose key is used where this one is taken away; `null` where there is no other. */
export function next(key: Credential, all: readonly Credential[]): PlaceName | null {
  const others = all.filter((other) => other.name === key.name && other.place !== key.place && other.condition === 'available' && !other.missing);
  return (others.find((other) => other.in_force) ?? others[0])?.place ?? null;
}

/** What became of a change, and what it means from now on. */
export function told(change: CredentialChange, kept: boolean): string {
  const place = the_place(change.place);
  const said = [words.say(kept ? 'keys-kept' : 'keys-deleted', { name: change.name, place })];
  if (change.in_force === null) said.push(words.say('keys-now-none'));
  else if (change.in_force !== change.place) said.push(words.say(kept ? 'keys-now-other' : 'keys-now-next', { place: the_place(change.in_force) }));
  said.push(words.say(`effect-${change.effect}`));
  return said.join(' ');
}
