// Signing in and out, the way people do.
import { expect, type Page } from '@playwright/test';
import type { Person } from './people';
import { origin, provider } from './watch';

/** Asks for a page, signs in on the way, and arrives at it. */
export async function signIn(page: Page, who: Person, path = '/'): Promise<void> {
  await page.goto(path);
  await expect(page).toHaveURL(/\/login(\?|$)/);
  await pick(page, who);
}

/** On /login: goes to the provider, picks somebody, and comes back. */
export async function pick(page: Page, who: Person): Promise<void> {
  await page.getByRole('link', { name: 'Pick a demo person' }).click();
  await expect(page).toHaveURL((url) => url.origin === provider());
  await page.getByRole('button', { name: who.email }).click();
  await page.waitForURL(`${origin()}/**`);
  await expect(page.locator('.user-block__email')).toHaveText(who.email);
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(`${origin()}/login`);
}
