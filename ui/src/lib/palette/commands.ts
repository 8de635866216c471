// What the palette finds. Pure.

/** One thing that the palette does. */
export interface Command {
  id: string;
  label: string;
  /** Said after the label, such as the present value. */
  more?: string;
  /** Whether only a pointer gives it; Enter then shows where it is instead. */
  deliberate?: boolean;
  run: () => void;
  /** What Enter does where only a pointer gives the command. */
  show?: () => void;
}

/** The commands that hold every word of `sought`, wherever, whatever its accents; in their own order. */
export function found(commands: readonly Command[], sought: string): Command[] {
  const parts = plain(sought).split(/\s+/).filter(Boolean);
  return commands.filter((command) => {
    const text = plain(`${command.label} ${command.more ?? ''}`);
    return parts.every((part) => text.includes(part));
  });
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
