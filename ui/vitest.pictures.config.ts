// Takes the pictures of docs/images anew: no test, and run only by its name, `npm run pictures`.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { environment: 'node', include: ['e2e/pictures.ts'], hookTimeout: 30_000 } });
