// What a machine finds of WCAG 2.2, levels A and AA, in a page: every rule that axe-core has for them, none left out.
// axe-core is under MPL-2.0 and only tests load it: nothing of it comes into what is built.
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const LEVELS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];

/** What was found, one line each with its place; empty where nothing was. */
export async function violations(page: Page): Promise<string[]> {
  // The page's policy lets no script in from outside, so it is handed to the engine beside it.
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    (values) => (globalThis as unknown as { axe: typeof axe }).axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] }),
    LEVELS,
  );
  return found.violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${impact} ${id} at ${target.join(' ')}: ${failureSummary?.replaceAll(/\s+/g, ' ')}`),
  );
}
