// The dashboard and what runners cost (SPEC B28, B29; issue 4, items 6 and 8).
import { readFile } from 'node:fs/promises';
import { unique } from './support/api';
import { hire, max, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

test('b28 the dashboard counts what one sees, and each number leads to what it counts', async ({ as }) => {
  const page = await as(superAdmin, '/admin/dashboard');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Dashboard');
  await expect(page.getByRole('link', { name: 'Dashboard', exact: true })).toHaveAttribute('aria-current', 'page');
  const numbers = page.getByRole('region', { name: 'Runners' });
  const count = async (word: string) =>
    Number((await numbers.getByRole('link', { name: word }).locator('.stat__value').innerText()).replaceAll(',', ''));
  expect(await count('Total')).toBe((await count('Active')) + (await count('Offline')) + (await count('Pending')));
  await expect(numbers.getByRole('link', { name: 'Pending' })).toHaveAttribute('href', '/admin/runners?status=pending');
  await expect(page.getByRole('img', { name: 'Provisioning' })).toBeVisible();
  // Which teams are the fullest is up to the other tests.
  await expect(page.getByRole('table', { name: 'Runners against quotas' }).getByRole('row').filter({ hasText: /of \d+/ }).first()).toBeVisible();

  // The same numbers as a table.
  const chart = page.locator('#provisioning');
  await chart.getByText('Show as table').click();
  await expect(chart.getByRole('row')).toHaveCount(32);
  await expect(chart.getByRole('row').first()).toContainText('Refused or failed');

  await page.getByRole('link', { name: 'Refresh' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/dashboard`);
});

test('b28 somebody in no team sees no numbers of others, and what to do', async ({ as }) => {
  const page = await as(await hire(unique('Nico Newcomer')), '/admin/dashboard');
  await expect(page.getByText('Your runners and those of your teams.')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Runners' }).getByRole('link', { name: 'Total' })).toHaveAttribute('href', '/runners');
  await expect(page.getByText('No team yet.')).toBeVisible();
  await expect(page.getByText('No data yet')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Backend Team' })).toHaveCount(0);
  const answer = await page.goto('/admin/cost');
  expect(answer?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Access denied: not a team member');
});

test('cost is shown by day, team and project, for a period, and as a file', async ({ as }) => {
  const page = await as(tess, '/admin/cost?period=last');
  const today = new Date().toISOString().slice(0, 10);
  const first = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel('From', { exact: true }).fill(first);
  await page.getByLabel('To, this day included').fill(today);
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page).toHaveURL(new RegExp(`from=${first}&to=${today}`));
  await expect(page.getByRole('img', { name: 'Cost per day' })).toBeVisible();
  const table = page.getByRole('table', { name: 'Teams and projects' });
  await expect(table.getByRole('rowheader', { name: /Backend Team/ })).toBeVisible();
  await expect(table.getByRole('rowheader', { name: 'Billing' })).toBeVisible();
  await expect(table.getByRole('rowheader', { name: /Data Science/ })).toHaveCount(0);

  const file = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download CSV' }).click();
  const text = await readFile(await (await file).path(), 'utf8');
  expect(text.split('\r\n')[0]).toBe('day,organization,team_id,team,project_id,project,label,jobs,minutes,cost,currency');
  expect(text).toContain('Backend Team');
  expect(text).not.toContain('Data Science');

  // What makes no sense is said beside its field, and stays there.
  const answer = await page.goto(`/admin/cost?from=${today}&to=${first}`);
  expect(answer?.status()).toBe(422);
  await expect(page.getByText('must not be before the first day')).toBeVisible();
  await expect(page.getByLabel('From', { exact: true })).toHaveValue(today);
});

test('a super_admin sets prices; what is wrong is said and nothing typed is lost', async ({ as }) => {
  const page = await as(superAdmin, '/admin/cost');
  await page.getByRole('link', { name: 'Edit prices' }).click();
  const prices = page.getByLabel(/^Prices of labels/);
  const before = await prices.inputValue();
  const label = unique('mac').replace(' ', '-');
  await prices.fill(`${before}\n${label}`);
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText(`'${label}' must be a label and its price, like: gpu = 0.07`).first()).toBeVisible();
  await expect(prices).toHaveValue(`${before}\n${label}`);
  await prices.fill(`${before}\n${label} = 0.08`);
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('The prices are in effect from now on.')).toBeVisible();
  await expect(page.getByRole('row', { name: new RegExp(label) })).toContainText('0.08');

  const member = await as(max, '/admin/cost');
  await expect(member.getByRole('link', { name: 'Edit prices' })).toHaveCount(0);
  const refused = await member.goto('/admin/cost/prices');
  expect(refused?.status()).toBe(403);
});
