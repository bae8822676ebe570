import { defineConfig } from '@playwright/test';
import { browser, OUTPUT } from './settings';

// `cargo xtask lighthouse`: one page after the other, with nothing beside it.
export default defineConfig({
  testDir: 'lighthouse',
  testMatch: '*.audit.ts',
  outputDir: `${OUTPUT}/lighthouse`,
  globalSetup: './tests/support/server.ts',
  workers: 1,
  forbidOnly: !!process.env.CI,
  timeout: 15 * 60_000,
  reporter: 'line',
  use: browser,
});
