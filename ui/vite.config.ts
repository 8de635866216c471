// Builds the window's page into ui/dist, which the desktop program embeds.
// WebKitGTK of Debian 12 and the web views of current macOS and Windows all read what `safari16.4` reads.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    svelte({
      // Accessibility is not a matter of taste here: a warning of the compiler stops the build.
      onwarn(warning) {
        throw new Error(`${warning.filename ?? ''}: ${warning.code}: ${warning.message}`);
      },
    }),
  ],
  clearScreen: false,
  // The catalogues in locales/ stand above ui/ because the Rust side reads them too.
  server: { port: 1420, strictPort: true, host: '127.0.0.1', fs: { allow: ['..'] } },
  build: { target: 'safari16.4', emptyOutDir: true },
  test: {
    projects: [
      { extends: true, test: { name: 'pure', environment: 'node', include: ['src/**/*.test.ts'], exclude: ['src/**/*.dom.test.ts'] } },
      // Components that listen: Svelte's own code for browsers, on a document without a browser.
      { extends: true, resolve: { conditions: ['browser'] }, test: { name: 'page', environment: 'happy-dom', include: ['src/**/*.dom.test.ts'] } },
    ],
  },
});
