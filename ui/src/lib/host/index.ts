// The seam between the screen and whoever answers it: the only folder that imports @tauri-apps.
// It names questions, not the answerer; a second host (an ordinary browser) comes with a later release.
import { invoke } from '@tauri-apps/api/core';

/** What the window needs to introduce the program. */
export interface About {
  /** The program's version, such as `0.1.0`. */
  version: string;
  /** The desktop's languages as BCP 47 tags, the preferred first; may be empty. */
  languages: string[];
}

/** The questions that a screen may ask. Each rejects with an `Error` where nobody answers. */
export interface Host {
  about(): Promise<About>;
}

/** The desktop program around this web view. */
export const desktop: Host = {
  about: () => ask<About>('about'),
};

async function ask<Answer>(command: string): Promise<Answer> {
  try {
    return await invoke<Answer>(command);
  } catch (reason) {
    // Tauri rejects with plain text where a command is unknown or refused.
    throw reason instanceof Error ? reason : new Error(String(reason));
  }
}
