// When a press of the emergency control is one. Pure: it is fed with events and says whether to fire.
//
// A pointer fires on release, as a click does, and so does an assistive program that activates the button. Enter and the
// space bar never fire: both are pressed blindly. The deliberate key is Ctrl (or Cmd) with Backspace, on the control
// itself, and it too fires on release.

type Key = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'repeat'>;

export class Trigger {
  #armed = false;
  #blind = false;

  /** A key goes down on the control; whether the browser has to forget about it. */
  down(event: Key): boolean {
    if (event.key === 'Enter' || event.key === ' ') {
      this.#blind = true;
      return true;
    }
    if (event.key === 'Backspace' && (event.ctrlKey || event.metaKey)) {
      if (!event.repeat) this.#armed = true;
      return true;
    }
    return false;
  }

  /** A key goes up on the control; whether that fires. macOS reports no release of a key while Cmd is held, only Cmd's own. */
  up(event: Pick<KeyboardEvent, 'key'>): boolean {
    if (event.key === 'Enter' || event.key === ' ') this.#blind = false;
    if (!this.#armed || !['Backspace', 'Control', 'Meta'].includes(event.key)) return false;
    this.#armed = false;
    return true;
  }

  /** The control is clicked; whether that fires. */
  click(event: Pick<MouseEvent, 'detail'>): boolean {
    // `detail` counts clicks of a pointer; it is 0 where a key or an assistive program made the click.
    return event.detail > 0 || !this.#blind;
  }

  /** The focus went elsewhere: whatever was half done is not done. */
  blur(): void {
    this.#armed = false;
    this.#blind = false;
  }
}
