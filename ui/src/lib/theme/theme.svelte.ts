// Light, dark, or as the desktop has it. The choice stays with this desk and is not sent anywhere.

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = 'timonel.theme';

let chosen = $state<Theme>('auto');
// Rises when colours change for whatever reason; charts are painted anew, since a canvas knows no style sheet.
let coat = $state(0);

export const theme = {
  get chosen(): Theme {
    return chosen;
  },

  get coat(): number {
    return coat;
  },

  /** Whether the page is dark now. */
  get dark(): boolean {
    return chosen === 'dark' || (chosen === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  },

  choose(to: Theme): void {
    chosen = to;
    if (to === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = to;
    keep(to);
    coat += 1;
  },

  /** The one after the present one, for a switch that goes round. */
  next(): Theme {
    return THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length] ?? 'auto';
  },

  /** Takes up what was chosen last, and follows the desktop. */
  begin(): void {
    this.choose(kept());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (coat += 1));
  },
};

/** A page may be forbidden to keep anything; then the desktop's theme is good enough. */
function kept(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEPT)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

function keep(to: Theme): void {
  try {
    localStorage.setItem(KEPT, to);
  } catch {
    // Nothing is lost but the choice.
  }
}
