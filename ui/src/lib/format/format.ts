// Numbers and times as people read them, in their language and zone. Texts come from the catalogues, never from here:
// what is formatted here goes into them as an argument.
import type { Locale } from '../i18n/catalogues';

/** The units in which values of metrics cross the wire. */
export type Unit = 'ratio' | 'seconds' | 'count';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What stands where there is no value. */
export const NOTHING = '—';

/** Formats for one language and one time zone. Making one is dear (Intl); the store keeps it. */
export class Format {
  readonly #locale: Locale;
  readonly #percent: (digits: number) => Intl.NumberFormat;
  readonly #number: (digits: number) => Intl.NumberFormat;
  readonly #time: Record<'clock' | 'minute' | 'date' | 'moment', Intl.DateTimeFormat>;

  /** `zone` is an IANA name; the desktop's own where it is missing or unknown. */
  constructor(locale: Locale, zone?: string | null) {
    this.#locale = locale;
    this.#percent = kept((digits) => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: digits }));
    this.#number = kept((digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }));
    const timeZone = known(zone);
    // Always 24 hours: a night shift does not look for "a. m.".
    const at = (options: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, { hourCycle: 'h23', timeZone, ...options });
    const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
    this.#time = {
      clock: at(clock),
      minute: at({ hour: '2-digit', minute: '2-digit' }),
      date: at({ day: 'numeric', month: 'numeric' }),
      moment: at({ day: 'numeric', month: 'numeric', ...clock }),
    };
  }

  /** A weight in hundredths of a percent. */
  weight(hundredths: number | null | undefined): string {
    return hundredths == null ? NOTHING : this.#percent(2).format(hundredths / 10_000);
  }

  /** A value of a metric. Small numbers keep more digits than large ones. */
  value(value: number | null | undefined, unit: Unit): string {
    if (value == null) return NOTHING;
    switch (unit) {
      case 'ratio':
        return this.#percent(Math.abs(value) < 0.1 ? 1 : 0).format(value);
      case 'seconds':
        return this.#span(value, 'second', Math.abs(value) < 10 ? 2 : 0);
      case 'count':
        return this.#number(Math.abs(value) < 10 ? 1 : 0).format(value);
    }
  }

  /** A number of things. */
  count(count: number): string {
    return this.#number(0).format(count);
  }

  /** A duration in milliseconds, in its two largest units. */
  duration(ms: number): string {
    const whole = Math.max(0, ms);
    if (whole < 10 * SECOND) return this.#span(Math.floor(whole / 100) / 10, 'second', 1);
    if (whole < MINUTE) return this.#span(Math.floor(whole / SECOND), 'second', 0);
    if (whole < HOUR) return this.#two(whole, MINUTE, 'minute', SECOND, 'second');
    if (whole < DAY) return this.#two(whole, HOUR, 'hour', MINUTE, 'minute');
    return this.#two(whole, DAY, 'day', HOUR, 'hour');
  }

  /** A duration in milliseconds, in its largest unit only: for ages that are read in passing. */
  age(ms: number): string {
    const whole = Math.max(0, ms);
    if (whole < MINUTE) return this.#span(Math.floor(whole / SECOND), 'second', 0);
    if (whole < HOUR) return this.#span(Math.floor(whole / MINUTE), 'minute', 0);
    if (whole < DAY) return this.#span(Math.floor(whole / HOUR), 'hour', 0);
    return this.#span(Math.floor(whole / DAY), 'day', 0);
  }

  /** A duration in milliseconds as on a stopwatch: `3:20`, `1:00:05`. */
  stopwatch(ms: number): string {
    const seconds = Math.floor(Math.max(0, ms) / SECOND);
    const two = (part: number) => String(part).padStart(2, '0');
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  /** The time of day of a moment in ms UTC, to the second. */
  clock(at: number): string {
    return this.#time.clock.format(at);
  }

  /** The time of day, to the minute. */
  minute(at: number): string {
    return this.#time.minute.format(at);
  }

  /** The day. */
  date(at: number): string {
    return this.#time.date.format(at);
  }

  /** Day and time, to the second. */
  moment(at: number): string {
    return this.#time.moment.format(at);
  }

  /** The tick of an axis that spans `span` ms: the date where days count, the time otherwise. */
  tick(at: number, span: number): string {
    if (span > 3 * DAY) return this.date(at);
    return span >= 10 * MINUTE ? this.minute(at) : this.clock(at);
  }

  /** A list such as "a, b y c". */
  list(items: readonly string[]): string {
    return new Intl.ListFormat(this.#locale, { type: 'conjunction' }).format(items);
  }

  #two(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
    const head = Math.floor(ms / large);
    const tail = Math.floor((ms - head * large) / small);
    const first = this.#span(head, largeUnit, 0);
    return tail === 0 ? first : `${first} ${this.#span(tail, smallUnit, 0)}`;
  }

  #span(value: number, unit: string, digits: number): string {
    // Spanish sets a space before the unit, and its narrow form leaves it out.
    const unitDisplay = this.#locale === 'es' ? 'short' : 'narrow';
    return new Intl.NumberFormat(this.#locale, { style: 'unit', unit, unitDisplay, maximumFractionDigits: digits }).format(value);
  }
}

function known(zone: string | null | undefined): string | undefined {
  if (!zone) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function kept<Made>(make: (digits: number) => Made): (digits: number) => Made {
  const made = new Map<number, Made>();
  return (digits) => {
    const there = made.get(digits);
    if (there) return there;
    const fresh = make(digits);
    made.set(digits, fresh);
    return fresh;
  };
}
