// What the tests and the screenshots share.
import type { PlaywrightTestConfig } from '@playwright/test';

/** Debian's Chromium as root in a container, and quiet: it calls nobody but us. */
export const browser: PlaywrightTestConfig['use'] = {
  browserName: 'chromium',
  headless: true,
  viewport: { width: 1280, height: 800 },
  locale: 'en-GB',
  timezoneId: 'UTC',
  // Nothing to wait for, and no colour on its way to another while its contrast is measured.
  contextOptions: { reducedMotion: 'reduce' },
  launchOptions: {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  },
};

/** Where everything that a run leaves behind goes; not in Git. */
export const OUTPUT = '../target/end2end';
