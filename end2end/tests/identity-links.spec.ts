// Groups of the directory (SPEC E, X11): linked, followed at sign-in, previewed, and let go of.
import { unique } from './support/api';
import { ada, audrey, max, olga, type Person } from './support/people';
import { expect, test } from './support/test';

/** Only the directory knows her (server/src/demo/directory.rs): her first sign-in makes her account. */
const emma: Person = { email: 'emma@acme.example', name: 'Emma Entra' };

test('e2: who signs in is in the teams of their groups, and the link says so', async ({ as }) => {
  const her = await as(emma, '/teams');
  for (const team of ['Production LLM Team', 'Data Science EU']) {
    await expect(her.getByRole('row').filter({ hasText: team })).toContainText('Member');
  }
  const page = await as(ada, '/admin/identity-links?q=Production');
  const row = page.getByRole('row').filter({ hasText: 'Production LLM Team' });
  await expect(row).toContainText('Microsoft Entra ID');
  await expect(row).toContainText('Additive');
  await row.getByRole('link', { name: 'Production LLM Team', exact: true }).click();
  await expect(page.getByRole('row').filter({ hasText: emma.email })).toContainText('Added');

  await test.step('it can be read at once', async () => {
    await page.getByRole('button', { name: 'Sync now' }).click();
    await expect(page.locator('.flash--success')).toContainText('in it');
  });

  await test.step('and previewed before it decides alone', async () => {
    await page.getByRole('link', { name: 'Preview' }).click();
    await expect(page.getByText('If this link were authoritative')).toBeVisible();
    await expect(page.getByText('Nothing would change.')).toBeVisible();
    await page.getByRole('link', { name: 'Make authoritative…' }).click();
    await expect(page.getByRole('dialog')).toContainText('removes 0 people');
    await page.getByRole('dialog').getByRole('link', { name: 'Cancel' }).click();
  });
});

test('x11: a group is linked by hand, changed, and let go of', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const group = unique('platform');
  const page = await as(olga, `/admin/identity-links/new?team=${team.id}`);
  await page.getByLabel(/^Directory/).selectOption('oidc');
  await page.getByLabel(/^Group/).fill(group);
  await page.getByLabel(/^Role/).selectOption('org_admin');
  await page.getByRole('button', { name: 'Link group' }).click();

  await test.step('a role that the team does not have is refused, and nothing is lost', async () => {
    await expect(page.locator('#role-error')).toContainText('must be admin or member');
    await expect(page.getByLabel(/^Group/)).toHaveValue(group);
    await page.getByLabel(/^Role/).selectOption('admin');
    await page.getByRole('button', { name: 'Link group' }).click();
    await expect(page.locator('.flash--success')).toContainText(`${group} is linked`);
    await expect(page.getByRole('definition').filter({ hasText: `Admin of ${team.name}` })).toBeVisible();
  });

  await test.step('its limit is a percentage', async () => {
    const limit = page.getByLabel(/^Ask before removing/);
    await limit.fill('120');
    await page.getByRole('button', { name: 'Save Changes' }).click();
    await expect(page.locator('#removal_limit-error')).toContainText('0 to 100 percent');
    await limit.fill('50');
    await page.getByRole('button', { name: 'Save Changes' }).click();
    await expect(limit).toHaveValue('50');
  });

  await test.step('an auditor sees it and is offered nothing', async () => {
    const seen = await as(audrey, new URL(page.url()).pathname);
    await expect(seen.getByRole('heading', { level: 1 })).toContainText(group);
    await expect(seen.getByRole('button', { name: /Save|Sync/ })).toHaveCount(0);
  });

  await test.step('deleting it says what stays', async () => {
    await page.getByRole('link', { name: 'Delete link…' }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText('keep what it gave');
    await dialog.getByRole('button', { name: 'Delete link' }).click();
    await expect(page.locator('.flash--success')).toContainText('People keep what it gave');
  });
});

test('e1: a super admin says what new groups get, and where each setting is from', async ({ as }) => {
  const page = await as(ada, '/admin/settings/entra');
  await page.getByLabel(/^On/).check({ force: true });
  await page.locator('#max_budget').fill('lots');
  await page.getByText('Set them here').click();
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#max_budget-error')).toBeVisible();
  await expect(page.locator('#max_budget')).toHaveValue('lots');
  await page.getByText(/^As configured/).click();
  await page.getByText('Set them here').click();
  await page.locator('#max_budget').fill('');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('.flash--success')).toContainText('Saved');
});
