// The tests from outside: of the real window, which starts the built program `TIMONEL_PROGRAM` at a desk of its own, and of the same
// page in the browser `TIMONEL_BROWSER`, served by the built `TIMONEL_HOST`.
import { defineConfig } from 'vitest/config';

const test = { environment: 'node', testTimeout: 60_000, hookTimeout: 30_000 } as const;

export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      { test: { ...test, name: 'window', include: ['e2e/*.test.ts'] } },
      { test: { ...test, name: 'browser', include: ['e2e/browser/*.test.ts'] } },
    ],
  },
});
