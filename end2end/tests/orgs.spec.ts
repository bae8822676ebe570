import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { ada, audrey, max, nora, olga, pat } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const row = (page: Page, email: string) => page.getByRole('row').filter({ hasText: email });
const tab = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Organization', exact: true }).getByRole('link', { name });

async function choose(page: Page, email: string, item: string) {
  await row(page, email).getByLabel(`Actions for ${email}`).click();
  await row(page, email).locator('.menu__item', { hasText: item }).click();
}

test('an organization from its creation to the person who leaves it', async ({ as, api }) => {
  const name = unique('Research');
  const page = await as(ada, '/admin/organizations');
  await page.getByRole('link', { name: 'Create organization' }).click();
  await page.getByLabel(/^Name/).fill('X');
  await page.getByLabel(/^Max runners/).fill('many');
  await page.getByRole('button', { name: 'Create organization' }).click();
  await expect(page.locator('#name-error')).toHaveText('must be 2 to 50 characters');
  await expect(page.locator('#max_runners-error')).toContainText('must be a whole number');
  await expect(page.getByLabel(/^Max runners/)).toHaveValue('many');
  await page.getByLabel(/^Name/).fill(name);
  await page.getByLabel(/^Max runners/).fill('7');
  await page.getByRole('button', { name: 'Create organization' }).click();
  await expect(page.getByText(`Organization ${name} was created.`)).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  await expect(page.getByText('This organization has no admin of its own')).toBeVisible();
  await expect(page.getByText('none: anyone can be added')).toBeVisible();

  // A domain: claimed, refused, verified by the word of a super admin.
  await tab(page, 'Domains').click();
  await page.getByLabel('Domain', { exact: true }).fill('gmail.com');
  await page.getByRole('button', { name: 'Add domain' }).click();
  await expect(page.locator('#domain-error')).toContainText('must not be a public mail provider');
  await page.getByLabel('Domain', { exact: true }).fill('research.example');
  await page.getByRole('button', { name: 'Add domain' }).click();
  await expect(page.getByText('Not verified')).toBeVisible();
  await expect(page.locator('.code__text')).toHaveText(/^guildhall-verification=[0-9a-f]{32}$/);
  await page.getByRole('button', { name: 'Verify by my word' }).click();
  await expect(page.getByText('research.example is verified.')).toBeVisible();
  await expect(page.getByText('Not verified')).toHaveCount(0);

  // Someone from elsewhere: refused in the seed's words, then in as a guest.
  await tab(page, 'People').click();
  await page.getByLabel('Email or user id').fill(pat.email);
  await page.locator('#role').selectOption('auditor');
  await page.getByRole('button', { name: 'Add person' }).click();
  await expect(page.getByRole('alert')).toContainText(
    `User ${pat.email} is not in this organization's email domains (research.example)`,
  );
  await expect(page.getByLabel('Email or user id')).toHaveValue(pat.email);
  await expect(page.locator('#role')).toHaveValue('auditor');
  await page.locator('label[for=guest]').click();
  await page.getByRole('button', { name: 'Add person' }).click();
  await expect(page.getByText(`${pat.email} is now in the organization, as a guest.`)).toBeVisible();
  await expect(row(page, pat.email)).toContainText('Guest');
  await expect(row(page, pat.email)).toContainText('Auditor');
  await choose(page, pat.email, 'Make member');
  await expect(page.getByText(`${pat.email} has the role Member now.`)).toBeVisible();
  await page.getByRole('link', { name: 'Guests' }).click();
  await expect(row(page, pat.email)).toHaveCount(1);
  await page.getByRole('link', { name: 'Admins' }).click();
  await expect(page.getByText('Nobody fits')).toBeVisible();

  // Out again: asked first, in numbers; a last team admin stays.
  const slug = page.url().split('/')[5] ?? '';
  const id: string = (await api.ok('GET', `/admin/organizations/${slug}`)).id;
  const team = await api.team({ organization_id: id, members: { [pat.email]: 'admin' } });
  await page.goto(`/admin/organizations/${slug}/people`);
  await choose(page, pat.email, 'Remove…');
  await expect(page.getByText('Cannot remove last team admin')).toBeVisible();
  await expect(page.getByText(`is the only admin of ${team.name}`)).toBeVisible();
  await api.call('POST', `/admin/organizations/${slug}/members`, { user_id: max.email, role: 'org_member', guest: true });
  await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: max.email, role: 'admin' });
  await page.goto(`/admin/organizations/${slug}/people`);
  await choose(page, pat.email, 'Remove…');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`Remove ${pat.email} from ${name}?`);
  await expect(dialog).toContainText('Ends 1 team membership');
  await expect(dialog).not.toContainText('Revokes');
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect(await api.members(team)).toHaveLength(2);
  await choose(page, pat.email, 'Remove…');
  await page.getByRole('dialog').getByRole('button', { name: 'Remove person' }).click();
  await expect(page.getByText(`${pat.email} was removed from the organization.`)).toBeVisible();
  await expect(row(page, pat.email)).toHaveCount(0);
  expect((await api.members(team)).map((member) => member.email)).toEqual([max.email]);
});

test('ceilings: lowered by an org_admin, raised by a super_admin, never below a team', async ({ as, api }) => {
  const organization = await api.ok('POST', '/admin/organizations', { name: unique('Labs'), max_runners: 10, max_budget: 100 });
  const path = `/admin/organizations/${organization.slug}`;
  await api.ok('POST', `${path}/members`, { user_id: olga.email, role: 'org_admin' });
  const team = await api.ok('POST', '/admin/teams', {
    name: unique('Spender'), organization_id: organization.id, max_budget: 60,
  });
  const page = await as(olga, `${path}/settings`);
  await page.getByLabel(/^Max runners/).fill('11');
  await page.getByRole('button', { name: 'Save ceilings' }).click();
  await expect(page.getByRole('alert')).toContainText('Insufficient permissions');
  await expect(page.getByRole('alert')).toContainText('ask a super admin');
  await expect(page.getByLabel(/^Max runners/)).toHaveValue('11');
  await page.getByLabel(/^Max runners/).fill('8');
  await page.getByLabel(/^Budget in US dollars/).fill('50');
  await page.getByRole('button', { name: 'Save ceilings' }).click();
  await expect(page.locator('#max_budget-error')).toContainText(
    `Team max_budget (60) exceeds organization's max_budget (50). Lower it first in: ${team.name}`,
  );
  await expect(page.getByLabel(/^Budget in US dollars/)).toHaveValue('50');
  await page.getByLabel(/^Budget in US dollars/).fill('60');
  await page.getByLabel(/^Models optional/).fill('gpt-4o\nclaude-sonnet');
  await page.getByRole('button', { name: 'Save ceilings' }).click();
  await expect(page.getByText('Ceilings saved.')).toBeVisible();
  const now = await api.ok('GET', path);
  expect([now.max_runners, now.max_budget, now.models]).toEqual([8, 60, ['gpt-4o', 'claude-sonnet']]);
  await tab(page, 'Overview').click();
  await expect(page.locator('.stat', { hasText: 'Runners of all teams' })).toContainText('0 of 8');
  await expect(page.getByText('1 team without an admin')).toBeVisible();
  await page.getByRole('link', { name: team.name }).first().click();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.id}/members`);
});

test('who belongs without administering sees the outside only', async ({ as, api }) => {
  const page = await as(max, '/admin/organizations/acme');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Acme');
  await expect(page.getByText(olga.email)).toBeVisible();
  await expect(page.getByText('acme.example', { exact: true })).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Organization', exact: true })).toHaveCount(0);
  for (const inner of ['teams', 'people', 'domains', 'settings']) {
    const answer = await page.goto(`/admin/organizations/acme/${inner}`);
    expect(answer?.status(), inner).toBe(403);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Insufficient permissions');
  }
  const other = await api.ok('POST', '/admin/organizations', { name: unique('Closed') });
  const answer = await page.goto(`/admin/organizations/${other.slug}`);
  expect(answer?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Access denied: not a member of this organization');
});

test('an auditor sees all of it and is offered nothing', async ({ as }) => {
  const page = await as(audrey, '/admin/organizations/acme/people');
  // By the name that it begins with: others were added by her.
  const person = page.getByRole('row', { name: /^Tess Lead/ });
  await expect(person).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add person' })).toHaveCount(0);
  await expect(person.getByLabel(/^Actions/)).toHaveCount(0);
  await tab(page, 'Domains').click();
  await expect(page.getByRole('heading', { name: /acme\.example/ })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add domain' })).toHaveCount(0);
  await tab(page, 'Settings').click();
  await expect(page.getByRole('button', { name: /^Save/ })).toHaveCount(0);
});

test('someone in several organizations moves between them', async ({ as, api }) => {
  const first = await as(nora, '/teams');
  await expect(first.locator('.org-menu')).toHaveCount(0);
  const name = unique('Second');
  const other = await api.ok('POST', '/admin/organizations', { name });
  await api.ok('POST', `/admin/organizations/${other.slug}/members`, { user_id: nora.email, role: 'org_member' });
  try {
    await first.goto('/teams');
    await first.locator('.org-menu summary').click();
    await first.locator('.org-menu').getByRole('link', { name }).click();
    await expect(first).toHaveURL(`${origin()}/admin/organizations/${other.slug}`);
    await expect(first.locator('.org-menu .org__name')).toHaveText(name);
    await first.locator('.org-menu summary').click();
    await expect(first.locator('.org-menu [aria-current]')).toHaveText(name);
  } finally {
    await api.call('DELETE', `/admin/organizations/${other.slug}/members/${nora.email}`);
  }
});
