import { defineConfig } from '@playwright/test';
import { browser, OUTPUT } from './settings';

// `npm run screenshots`: pictures of every page in target/screenshots. With DOCS=1 the few that the documentation shows.
// `npm run screenshots -- -g members` takes some of them.
export default defineConfig({
  testDir: 'screenshots',
  testMatch: '*.shots.ts',
  outputDir: `${OUTPUT}/screenshots`,
  globalSetup: './tests/support/server.ts',
  fullyParallel: true,
  workers: 2,
  timeout: 60_000,
  reporter: [['line'], ['./tests/support/tally.ts']],
  use: browser,
  projects: process.env.DOCS
    ? [{ name: 'docs', testMatch: 'docs.shots.ts' }]
    : [
        { name: 'js', testMatch: 'pages.shots.ts', use: { javaScriptEnabled: true } },
        { name: 'no-js', testMatch: 'pages.shots.ts', use: { javaScriptEnabled: false } },
      ],
});
