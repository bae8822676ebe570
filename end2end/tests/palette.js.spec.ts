// The palette and the keys (issue 8, item 4): what JavaScript adds to /search.
import { findings } from './support/axe';
import { max, superAdmin } from './support/people';
import { expect, test } from './support/test';

test('Ctrl K finds by a few letters, and Enter goes there', async ({ as }) => {
  const page = await as(superAdmin, '/admin/users');
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Search or jump to' });
  const input = palette.getByRole('combobox', { name: 'Search or jump to' });
  await expect(input).toBeFocused();
  await expect(palette.getByRole('option', { name: 'Create a team' })).toBeVisible();
  // An answer to fewer letters may be shown first; the last one would come under the keys below.
  const answered = page.waitForResponse((answer) => answer.url().endsWith('/actions/search?q=bakend'));
  await page.keyboard.type('bakend');
  await (await answered).finished();
  const team = palette.getByRole('option', { name: /^Backend Team/ });
  await expect(team).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowDown');
  await expect(team).toHaveAttribute('aria-selected', 'false');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Backend Team');
});

test('the palette offers what one may do, says when there is nothing, and closes', async ({ as }) => {
  const page = await as(max, '/runners');
  await page.getByRole('link', { name: 'Search or jump to' }).click();
  const palette = page.getByRole('dialog', { name: 'Search or jump to' });
  await expect(palette.getByRole('option', { name: 'Provision a runner' })).toBeVisible();
  await expect(palette.getByRole('option', { name: 'Create a team' })).toHaveCount(0);
  expect(await findings(page)).toEqual([]);
  await page.keyboard.type('zzzzqq');
  await expect(palette.getByText('Nothing that you may see has a name like “zzzzqq”.')).toBeVisible();
  expect(await findings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(palette).toBeHidden();
  await expect(page).toHaveURL(/\/runners$/);
});

test('single keys go places, and can be turned off', async ({ as }) => {
  const page = await as(superAdmin, '/');
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(help.getByText('Next row of a table')).toBeVisible();
  expect(await findings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  // Waits for the load: a key that comes before the scripts is lost.
  await page.waitForURL(/\/admin\/teams$/);
  await page.keyboard.press('j');
  await expect(page.getByRole('table').getByRole('row').nth(1).getByRole('link').first()).toBeFocused();
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox', { name: /teams/i })).toBeFocused();
  await page.keyboard.type('g');

  await page.goto('/');
  await page.keyboard.press('?');
  await help.getByText('Single keys do something').click();
  await expect(help.getByLabel('Single keys do something')).not.toBeChecked();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('u');
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog', { name: 'Search or jump to' })).toBeVisible();
  await expect(page).toHaveURL(/\/$/);
});

test('arrows move in a menu', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams');
  const menu = page.locator('main details.menu').first();
  await menu.locator('summary').press('Enter');
  await page.keyboard.press('ArrowDown');
  await expect(menu.locator('.menu__item').first()).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await expect(menu.locator('.menu__item').last()).toBeFocused();
});
