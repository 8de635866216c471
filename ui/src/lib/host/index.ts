// Which host answers this page: the seam's only place that knows that there are two.
import type { Host } from './host';
import { Socket } from './socket';
import { desktop } from './tauri';

export { type Host, type Link, type Listener, Refusal } from './host';

/** The desktop program inside its own window, else the program that served the page. */
export function around(window: Window): Host {
  return '__TAURI_INTERNALS__' in window ? desktop : new Socket(beside(window.location));
}

/** The socket beside a page: the token stands in the fragment, which no server and no log ever sees. */
export function beside(page: Pick<Location, 'protocol' | 'host' | 'hash'>): string {
  const token = new URLSearchParams(page.hash.slice(1)).get('token') ?? page.hash.slice(1);
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}/ws?token=${encodeURIComponent(token)}`;
}
