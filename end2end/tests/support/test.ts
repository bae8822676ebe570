// `test` with a signed-in page, the API, and a watch on what no page may do.
import { readFileSync } from 'node:fs';
import { type BrowserContext, type Page, expect, test as base } from '@playwright/test';
import { Api, unique } from './api';
import { type Person, ada } from './people';
import { LOG } from './server';
import { type World, makeWorld } from './scenes';
import { signIn } from './sign-in';
import { origin, watch } from './watch';

interface Fixtures {
  /** What went wrong behind the test's back; a test that provokes something empties it. */
  faults: string[];
  /** A page of its own for somebody, signed in, at a path. */
  as: (who: Person, path?: string) => Promise<Page>;
  /** A page of its own for somebody who is not signed in. */
  anyone: () => Promise<Page>;
}

type State = Awaited<ReturnType<BrowserContext['storageState']>>;

interface Shared {
  /** The API as the super_admin, with a token made on /tokens. */
  api: Api;
  /** The API as anybody. */
  apiOf: (who: Person) => Promise<Api>;
  /** The cookies of somebody who is signed in, for tests that are not about that. */
  cookiesOf: (who: Person | null) => Promise<State | undefined>;
  /** What the scenes are set in. */
  world: World;
}

export const test = base.extend<Fixtures, Shared>({
  baseURL: async ({}, use) => use(origin()),

  faults: [
    async ({}, use, info) => {
      const faults: string[] = [];
      const before = log().length;
      await use(faults);
      if (info.status !== info.expectedStatus) {
        await info.attach('the server said', { body: log().slice(before), contentType: 'text/plain' });
      }
      expect(faults, 'no errors in the console, no answers from 500 on, nothing loaded from elsewhere').toEqual([]);
    },
    { auto: true },
  ],

  anyone: async ({ browser, faults }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext();
      watch(context, faults);
      contexts.push(context);
      return context.newPage();
    });
    await Promise.all(contexts.map((context) => context.close()));
  },

  context: async ({ context, faults }, use) => {
    watch(context, faults);
    await use(context);
  },

  as: async ({ anyone }, use) => {
    await use(async (who, path = '/') => {
      const page = await anyone();
      await signIn(page, who, path);
      return page;
    });
  },

  apiOf: [
    async ({ browser }, use) => {
      const known = new Map<string, Api>();
      await use(async (who) => {
        let api = known.get(who.email);
        if (!api) {
          const page = await browser.newPage({ baseURL: origin() });
          await signIn(page, who, '/tokens');
          api = new Api(await makeToken(page, unique('end2end')));
          known.set(who.email, api);
          await page.close();
        }
        return api;
      });
    },
    { scope: 'worker' },
  ],

  cookiesOf: [
    async ({ browser }, use) => {
      const known = new Map<string, State>();
      await use(async (who) => {
        if (!who) return undefined;
        let state = known.get(who.email);
        if (!state) {
          const page = await browser.newPage({ baseURL: origin() });
          await signIn(page, who);
          state = await page.context().storageState();
          known.set(who.email, state);
          await page.close();
        }
        return state;
      });
    },
    { scope: 'worker' },
  ],

  world: [async ({ api, apiOf }, use) => use(await makeWorld(api, apiOf)), { scope: 'worker', timeout: 60_000 }],

  api: [async ({ apiOf }, use) => use(await apiOf(ada)), { scope: 'worker' }],
});

export { expect };

/** On /tokens: makes a token and returns it. */
export async function makeToken(page: Page, name: string): Promise<string> {
  await page.getByLabel(/^Name/).fill(name);
  await page.getByRole('button', { name: 'Create token' }).click();
  const text = await page.locator('#new-token-text').textContent();
  expect(text).toBeTruthy();
  return (text ?? '').trim();
}

function log(): string {
  try {
    return readFileSync(LOG, 'utf8');
  } catch {
    return '';
  }
}
