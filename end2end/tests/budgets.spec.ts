// Budgets: set at every level, spent, shown, and a team that moves under one.
import type { Page } from '@playwright/test';
import { type Api, unique } from './support/api';
import { ada, max, tess } from './support/people';
import { expect, test } from './support/test';

/** A new organization with a budget, and a team of it that has spent. */
async function spent(api: Api, cost: number) {
  const name = unique('Budgeted');
  const organization = await api.ok('POST', '/admin/organizations', {
    name,
    max_budget: 100,
    budget_duration: 'monthly',
  });
  const make = (team: string, max_budget: number) =>
    api.ok('POST', '/admin/teams', { name: team, organization_id: organization.id, max_budget });
  const [first, second] = [await make('Search', 80), await make('Support', 70)];
  // One that neither spends nor has a limit.
  await api.ok('POST', '/admin/teams', { name: 'Silent', organization_id: organization.id });
  const entry = { request_id: unique('r'), team_id: first.id, model: 'gpt-4o', cost };
  expect(await api.ok('POST', '/spend', { entries: [entry] })).toEqual({ recorded: 1, duplicates: 0 });
  expect(await api.ok('POST', '/spend', { entries: [entry] })).toEqual({ recorded: 0, duplicates: 1 });
  return { name, organization, first, second, path: `/admin/organizations/${organization.slug}` };
}

const card = (page: Page) => page.getByRole('region', { name: 'Budget', exact: true });

test('an organization sees its budget split over its teams, and a team what binds it', async ({ as, api }) => {
  const { first, path } = await spent(api, 42.5);
  const page = await as(ada, path);
  await expect(card(page)).toContainText('$42.50 of $100.00 spent, $57.50 left.');
  await expect(card(page)).toContainText('Every month (UTC); starts anew on');
  await expect(card(page)).toContainText('The limits of 2 teams come to $150.00, more than the organization');
  const table = page.getByRole('table', { name: 'The budget, split over teams' });
  await expect(table.getByRole('row').filter({ hasText: 'Search' })).toContainText('42.5%');
  await expect(table.getByRole('row').filter({ hasText: 'Support' })).toContainText('$0.00');
  await expect(table.getByRole('row').filter({ hasText: 'Silent' })).toHaveCount(0);
  await expect(table.getByRole('row').filter({ hasText: '1 team more' })).toHaveCount(1);
  await expect(card(page)).toContainText('50%');
  await table.getByRole('link', { name: 'Search' }).click();
  await expect(card(page)).toContainText("The team's budget");
  await expect(card(page)).toContainText('$42.50 of $80.00 spent, $37.50 left.');

  // Spent to its end: both pages say so first, and who can raise it.
  const entry = { request_id: unique('r'), team_id: first.id, cost: 57.5 };
  await api.ok('POST', '/spend', { entries: [entry] });
  const refused = await api.call('POST', '/authz/check', { team_id: first.id, model: 'gpt-4o' });
  expect(refused.status).toBe(429);
  expect(refused.body.detail).toContain('Budget has been exceeded! Organization=');
  await page.goto(`${page.url()}`);
  await expect(page.getByText("The team's budget is used up").or(page.getByText("The organization's budget is used up"))).toBeVisible();
  await page.goto(new URL(path, page.url()).href);
  await expect(page.getByText("The organization's budget is used up")).toBeVisible();
  await expect(card(page)).toContainText('ask a super admin');
});

test('a time zone has to exist', async ({ as, api }) => {
  const { path } = await spent(api, 1);
  const page = await as(ada, `${path}/settings`);
  await page.getByLabel(/^Time zone/).fill('Berlin');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#time_zone-error')).toContainText('Europe/Berlin');
  await expect(page.getByLabel(/^Time zone/)).toHaveValue('Berlin');
  await page.getByLabel(/^Time zone/).fill('europe/berlin');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  await page.goto(new URL(path, page.url()).href);
  await expect(card(page)).toContainText('Every month (Europe/Berlin)');
});

test('members and projects have limits within their team', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  await api.ok('PATCH', `/admin/teams/${team.id}`, { max_budget: 50, budget_duration: '30d' });
  const project = await api.project(team, 'Ledger');
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  const row = page.getByRole('row').filter({ hasText: max.email });
  await row.getByLabel(`Actions for ${max.email}`).click();
  await row.locator('.menu__item', { hasText: 'Role and end…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Budget in the team/).fill('51');
  await dialog.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#max_budget_in_team-error')).toHaveText("Member max_budget (51) exceeds team's max_budget (50).");
  await expect(dialog.getByLabel(/^Budget in the team/)).toHaveValue('51');
  await dialog.getByLabel(/^Budget in the team/).fill('20');
  await dialog.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText(`${max.email} is now a member of the team.`)).toBeVisible();

  await page.goto(new URL(`/admin/teams/${team.id}/projects/${project.id}?edit=1`, page.url()).href);
  await page.getByLabel(/^Budget in US dollars/).fill('much');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#max_budget-error')).toContainText('must be an amount');
  await page.getByLabel(/^Budget in US dollars/).fill('60');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#max_budget-error')).toContainText("exceeds team's max_budget (50)");
  await page.getByLabel(/^Budget in US dollars/).fill('30');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Project Ledger was saved.')).toBeVisible();

  // And the team is not lowered below them.
  const lowered = await api.call('PATCH', `/admin/teams/${team.id}`, { max_budget: 25 });
  expect(lowered.status).toBe(422);
  expect(lowered.body.fields[0].message).toContain('Lower it first in: Ledger');
});

test('a team that stands alone moves to an organization when it fits', async ({ as, api }) => {
  const { name, organization } = await spent(api, 1);
  const team = await api.ok('POST', '/admin/teams', { name: unique('Alone'), organization_id: null, max_budget: 500 });
  await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: max.email });
  const page = await as(ada, `/admin/teams/${team.id}/settings`);
  await page.getByLabel('Move to').selectOption(organization.id);
  await page.getByRole('button', { name: 'See what would happen' }).click();
  await expect(page.getByText(`It does not fit into ${name}`)).toBeVisible();
  await expect(page.getByText("Team max_budget (500) exceeds organization's max_budget (100).")).toBeVisible();
  await expect(page.getByRole('button', { name: `Move to ${name}` })).toHaveCount(0);
  await api.ok('PATCH', `/admin/teams/${team.id}`, { max_budget: 50 });
  await page.reload();
  await expect(page.getByText(`1 new member of ${name} in the organization`)).toBeVisible();
  await page.getByRole('button', { name: `Move to ${name}` }).click();
  await expect(page.getByText(`The team belongs to ${name} now.`)).toBeVisible();
  expect((await api.get(team)).organization_id).toBe(organization.id);
});
