// docs/screenshots/*.png: the demo as it comes, 1280 wide, light, with at most 256 colours to keep them small.
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import UPNG from 'upng-js';
import { ada, max, olga } from '../tests/support/people';
import { expect, test } from '../tests/support/test';

const FOLDER = resolve(process.cwd(), '../docs/screenshots');

test('pictures for the documentation', async ({ as }) => {
  mkdirSync(FOLDER, { recursive: true });
  const admin = await as(ada, '/admin/teams?organization=');
  await shoot(admin, 'teams');
  await admin.getByRole('link', { name: 'Backend Team' }).click();
  await shoot(admin, 'team');
  await shoot(await as(olga, '/'), 'home');
  const member = await as(max, '/provision');
  await member.getByLabel(/^Team/).selectOption({ label: 'Backend Team' });
  await member.getByLabel(/^Runner name prefix/).fill('backend-build');
  await member.getByLabel(/^Custom labels/).pressSequentially('backend-api, gpu');
  await expect(member.getByText('Label not permitted by team policy: gpu')).toBeVisible();
  await shoot(member, 'provision');
});

async function shoot(page: Page, name: string) {
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  // Nothing is under the pointer.
  await page.mouse.move(0, 0);
  await page.waitForLoadState('networkidle');
  const full = UPNG.decode(await page.screenshot({ caret: 'hide' }));
  const small = UPNG.encode(UPNG.toRGBA8(full), full.width, full.height, 256);
  writeFileSync(resolve(FOLDER, `${name}.png`), Buffer.from(small));
}
