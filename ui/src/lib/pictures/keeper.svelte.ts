// Pictures that a person keeps or sends: asks the host to draw one, and says where it went. A host without a folder of
// pictures (a page in a browser) gives the file to the page, which hands it to the browser as a download.
import { type Host, Refusal } from '../host';
import type { PictureFormat, PictureKept, PictureOf, Sentence } from '../wire';

/** What became of the last picture. */
export type Kept = { kind: 'saving' } | { kind: 'kept'; where: string } | { kind: 'refused'; why: Sentence };

/** How a picture is to look; the same for all of a page. */
export interface Look {
  dark: boolean;
  language: string;
}

export class Keeper {
  readonly #host: Pick<Host, 'picture_file'>;
  readonly #download: (name: string, bytes: Uint8Array<ArrayBuffer>) => void;
  #last = $state.raw<Kept | null>(null);

  constructor(host: Pick<Host, 'picture_file'>, download = hand_over) {
    this.#host = host;
    this.#download = download;
  }

  get last(): Kept | null {
    return this.#last;
  }

  /** The person has read it. */
  seen(): void {
    this.#last = null;
  }

  async keep(what: PictureOf, format: PictureFormat, { dark, language }: Look): Promise<void> {
    const mine: Kept = { kind: 'saving' };
    this.#last = mine;
    // Times in the picture are those of the page.
    const zone_minutes = -new Date().getTimezoneOffset();
    const became = await this.#host.picture_file({ what, format, dark, language, zone_minutes }).then(
      (kept): Kept => ({ kind: 'kept', where: this.#put(kept) }),
      (problem: unknown): Kept => ({ kind: 'refused', why: Refusal.of(problem).sentence }),
    );
    if (this.#last === mine) this.#last = became;
  }

  #put(kept: PictureKept): string {
    if (kept.kept === 'file') return kept.path;
    this.#download(kept.name, Uint8Array.from(atob(kept.base64), (one) => one.charCodeAt(0)));
    return kept.name;
  }
}

/** Gives a file to the browser, which asks the person or puts it where downloads go. */
function hand_over(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const type = name.endsWith('.svg') ? 'image/svg+xml' : 'image/png';
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
