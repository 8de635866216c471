// Waiting for what a test wants to see. Nothing sleeps for a guessed time: a condition is asked for until it holds, and
// what was waited for is named where it does not come.

/** How often a condition is looked at. */
const LOOK_MS = 40;

/** Asks again and again until the answer is neither empty nor false; rejects after `within_ms`, naming `what`. */
export async function until<Answer>(what: string, ask: () => Promise<Answer> | Answer, within_ms = 30_000): Promise<NonNullable<Answer>> {
  const end = performance.now() + within_ms;
  let problem: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (Array.isArray(answer) ? answer.length > 0 : answer) return answer as NonNullable<Answer>;
      problem = undefined;
    } catch (thrown) {
      // What is not there yet may well refuse; it counts only where it still does at the end.
      problem = thrown;
    }
    if (performance.now() >= end) throw new Error(`${what}: not within ${within_ms / 1000} s`, { cause: problem });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
