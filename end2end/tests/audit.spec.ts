import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { hire, max, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const rows = (page: Page) => page.locator('tbody tr');

test('the audit log: filtered by its address, field by field, exported as it is filtered', async ({ as, api }) => {
  const team = await api.team({ name: unique('Audited'), max_runners: 3 });
  await api.ok('PATCH', `/admin/teams/${team.id}`, { max_runners: 5, description: 'Builds' });
  const page = await as(superAdmin, `/admin/audit?team=${team.id}`);
  await expect(page.getByText(`Everything that was changed in ${team.name}`)).toBeVisible();
  await expect(rows(page)).toHaveCount(2);
  // B28.
  const columns = ['Timestamp', 'Event', 'User', 'Runner or target', 'Team', 'Status'];
  await expect(page.getByRole('columnheader')).toHaveText(columns);
  await page.getByLabel('Event', { exact: true }).selectOption({ label: 'Team changed' });
  // With JavaScript the choice is enough.
  const apply = page.getByRole('button', { name: 'Apply', exact: true });
  if (await apply.isVisible()) await apply.click();
  await expect(page).toHaveURL(/event=team\.update/);
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText(superAdmin.email);
  await expect(rows(page)).toContainText('Success');

  const href = await page.getByRole('link', { name: 'NDJSON' }).getAttribute('href');
  const answer = await page.context().request.get(`${origin()}${href}`);
  const lines = (await answer.text()).trim().split('\n').map((line) => JSON.parse(line));
  expect(lines.map((line) => [line.event_type, line.team_name])).toEqual([['team.update', team.name]]);

  await page.getByRole('link', { name: 'Team changed' }).click();
  const field = page.getByRole('row').filter({ hasText: 'max_runners' });
  await expect(field.locator('del')).toHaveText('3');
  await expect(field.locator('ins')).toHaveText('5');
  await expect(page.getByText('Personal access token')).toBeVisible();
  await page.getByRole('link', { name: 'Audit log' }).last().click();
  await page.goto('/admin/audit?q=nothing-like-it');
  await expect(page.getByText('Nothing fits')).toBeVisible();
});

test('a refused label is a security event that the team admin sees', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const refused = await (await apiOf(max)).call('POST', '/runners/jit', { team_id: team.id, labels: ['gpu-b200'] });
  expect(refused.status).toBe(403);
  const page = await as(tess, `/admin/teams/${team.id}`);
  await page.getByRole('main').getByRole('link', { name: 'Security events' }).click();
  await expect(rows(page)).toHaveCount(1);
  // B28.
  const columns = ['Timestamp', 'Event Type', 'Severity', 'Actor', 'Target', 'Action taken'];
  await expect(page.getByRole('columnheader')).toHaveText(columns);
  for (const words of ['Label refused by policy', 'label_policy_violation', 'Medium', max.email, team.name, 'Rejected']) {
    await expect(rows(page)).toContainText(words);
  }
  await page.getByText('Details', { exact: true }).click();
  await expect(rows(page)).toContainText('gpu-b200');
  await page.goto(`/admin/security-events?team=${team.id}&severity=high`);
  await expect(page.getByText('Nothing fits')).toBeVisible();
});

test('an address that makes no sense says which part, and leads back to the list', async ({ as }) => {
  const page = await as(superAdmin, '/admin/audit?since=2026-03-02&until=2026-03-01');
  await expect(page.getByRole('alert')).toContainText('To: must not be before the day in From');
  await expect(page.getByLabel('From', { exact: true })).toHaveValue('2026-03-02');
  await expect(page.getByLabel('To', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  const wrong = { '/admin/audit': 'cursor=zzz', '/admin/runners': 'status=bogus', '/admin/machine-clients': 'cursor=z' };
  for (const [list, query] of Object.entries(wrong)) {
    await page.goto(`${list}?${query}`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('This address is not valid');
    await page.getByRole('link', { name: 'Show the whole list' }).click();
    await expect(page).toHaveURL(list);
  }
});

test('who administers nothing sees what they did themselves', async ({ as, api, apiOf }) => {
  const someone = await hire(unique('Mona Member'));
  await api.ok('POST', '/admin/users', { email: someone.email, display_name: someone.name, organization_id: await api.acme() });
  const team = await api.team({ members: { [tess.email]: 'admin', [someone.email]: 'member' } });
  const name = unique('mine');
  await (await apiOf(someone)).ok('POST', '/auth/tokens', { name });
  const page = await as(someone, '/teams');
  // The menu of narrow screens is not what this is about.
  await page.getByRole('link', { name: 'My activity' }).click();
  await expect(page.getByRole('heading', { name: 'My activity' })).toBeVisible();
  await expect(rows(page).filter({ hasText: name })).toContainText('Access token created');
  for (const row of await rows(page).all()) await expect(row).toContainText(someone.email);
  await page.goto(`/admin/audit?team=${team.id}`);
  await expect(page.getByText('Nothing fits')).toBeVisible();
});
