// Keys for models: made, shown once, rotated, revoked; defaults and maximums.
import { ada, max, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

test('a key is made, shown once, rotated and revoked', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/keys/new?team=${team.id}`);
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.locator('#name')).toBeFocused();
  await page.getByLabel(/^Name/).fill('Nightly');
  await page.locator('#content').getByLabel('Team').selectOption(team.id);
  // A name and a team are enough, and a key ends unless somebody wants otherwise.
  await expect(page.getByLabel('Expires')).toHaveValue('90');
  await expect(page.getByLabel(/^Budget in US dollars/)).toBeHidden();
  await page.getByText('Limits and models').click();
  // Its label lies over its box.
  await page.locator('label', { hasText: /^gpt-4o$/ }).click();
  await page.getByLabel(/^Budget in US dollars/).fill('much');
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.locator('#maxBudget-error')).toContainText('must be an amount');
  await expect(page.getByLabel('gpt-4o', { exact: true })).toBeChecked();
  await expect(page.getByLabel(/^Name/)).toHaveValue('Nightly');
  await page.getByLabel(/^Budget in US dollars/).fill('5');
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByRole('heading', { name: 'Copy key Nightly now' })).toBeVisible();
  const secret = ((await page.locator('#new-key').textContent()) ?? '').trim();
  expect(secret).toMatch(/^sk-/);
  await page.reload();
  await expect(page.locator('#new-key')).toHaveCount(0);
  await expect(page.getByText(secret)).toHaveCount(0);

  await page.getByRole('link', { name: 'Rotate…' }).click();
  await page.getByLabel('The old key works for').selectOption('0');
  await page.getByRole('button', { name: 'Rotate key' }).click();
  await expect(page.getByText('Key Nightly was rotated.')).toBeVisible();
  expect(((await page.locator('#new-key').textContent()) ?? '').trim()).not.toBe(secret);

  await page.getByRole('link', { name: 'Revoke…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke key' }).click();
  await expect(page.getByText('Key Nightly was revoked.')).toBeVisible();
  await expect(page.getByText('Revoked', { exact: true }).first()).toBeVisible();

  await page.goto(`/admin/teams/${team.id}/keys?show=all`);
  const list = page.getByRole('table', { name: 'API keys of the team' });
  await expect(list.getByRole('row').filter({ hasText: 'Nightly' })).toHaveCount(2);
});

test('maximums are a super admin’s, and hold', async ({ as }) => {
  const page = await as(ada, '/admin/settings/keys');
  await page.getByLabel(/^Largest budget/).fill('100000');
  await page.locator('[id="defaults.maxBudget"]').fill('100001');
  await page.getByRole('button', { name: 'Save Changes' }).first().click();
  await expect(page.locator('[id="defaults.maxBudget-error"]')).toHaveText('must not be above its maximum');
  await page.locator('[id="defaults.maxBudget"]').fill('');
  await page.getByLabel(/^Largest budget/).fill('');
  await page.getByRole('button', { name: 'Save Changes' }).first().click();
  await expect(page.getByText('The defaults of API keys were saved.')).toBeVisible();
  const other = await as(max, '/keys');
  await other.goto(`${origin()}/admin/settings/keys`);
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required for team management');
});
