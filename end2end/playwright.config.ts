import { defineConfig } from '@playwright/test';
import { browser, OUTPUT } from './settings';

// Every journey runs with JavaScript and without; `*.js.spec.ts` is about what JavaScript adds.
export default defineConfig({
  testDir: 'tests',
  outputDir: `${OUTPUT}/failures`,
  globalSetup: './tests/support/server.ts',
  fullyParallel: true,
  // More than processors: much of a journey is waiting for timers of the page.
  workers: 3,
  forbidOnly: !!process.env.CI,
  timeout: 45_000,
  expect: { timeout: 7_000 },
  reporter: [[process.env.CI ? 'dot' : 'list'], ['./tests/support/tally.ts']],
  use: { ...browser, screenshot: 'only-on-failure', actionTimeout: 10_000, navigationTimeout: 20_000 },
  projects: [
    { name: 'js', use: { javaScriptEnabled: true } },
    { name: 'no-js', use: { javaScriptEnabled: false }, testIgnore: '**/*.js.spec.ts' },
  ],
});
