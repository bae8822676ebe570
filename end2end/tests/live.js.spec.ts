// Sections that read themselves again, without a reload and without taking anything out of somebody's hands (issue 8, item 3).
import { machine } from './support/github';
import { unique } from './support/api';
import { max, superAdmin } from './support/people';
import { expect, test } from './support/test';

test('a runner that comes alive says so on a page that is open', async ({ as, api, apiOf }) => {
  const team = await api.team({ name: unique('Live'), members: { [max.email]: 'member' } });
  const { runner_name: name } = await (await apiOf(max)).ok('POST', '/runners/jit', { team_id: team.id });
  const page = await as(max, `/runners?team=${team.id}`);
  const row = page.getByRole('row').filter({ hasText: name });
  await expect(row).toContainText('Pending');
  await page.evaluate(() => Object.assign(window, { opened: true }));
  await machine(name, 'PATCH', '', { status: 'online' });
  await expect(row).toContainText('Active', { timeout: 20_000 });
  expect(await page.evaluate(() => 'opened' in window), 'it is the same page').toBe(true);
});

test('what is marked or has the focus stays, and is read again afterwards', async ({ as }) => {
  const page = await as(superAdmin, '/admin/sync');
  const worker = page.locator('#sync dd').first();
  await worker.evaluate((element) => {
    element.id = 'held';
    getSelection()?.selectAllChildren(element);
  });
  // Longer than until the next reading, twice.
  await page.waitForTimeout(11_000);
  await expect(page.locator('#held'), 'marked').toHaveCount(1);
  expect(await page.evaluate(() => getSelection()?.toString())).toContain('process');
  await page.locator('#sync').getByRole('link', { name: 'Details' }).first().focus();
  await page.evaluate(() => getSelection()?.removeAllRanges());
  await page.waitForTimeout(11_000);
  await expect(page.locator('#held'), 'focused').toHaveCount(1);
  await page.locator('#sync').getByRole('link', { name: 'Details' }).first().blur();
  await expect(page.locator('#held'), 'let go').toHaveCount(0, { timeout: 20_000 });
});
