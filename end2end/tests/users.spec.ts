// People's accounts: find, create, change, deactivate with a preview, bring back (SPEC B26).
import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { audrey, dana, hire, max, olga, superAdmin, tess } from './support/people';
import { signIn } from './support/sign-in';
import { expect, makeToken, test } from './support/test';
import { origin } from './support/watch';

const row = (page: Page, email: string) => page.getByRole('row').filter({ hasText: email });

/** Ticks a box, or takes its tick away: its label is what people hit. */
const tick = (page: Page, name: string) => page.locator(`label[for="${name}"]`).click();

async function find(page: Page, text: string): Promise<void> {
  await page.getByLabel('Search people').fill(text);
  await page.getByLabel('Search people').press('Enter');
  await expect(page).toHaveURL(/[?&]q=/);
}

test('people are found by name and email, filtered and sorted, all in the address', async ({ as }) => {
  const page = await as(superAdmin, '/admin/users');
  await expect(page.getByRole('link', { name: 'Users', exact: true })).toHaveAttribute('aria-current', 'page');
  await find(page, 'TESS lead');
  await expect(row(page, tess.email)).toHaveCount(1);
  await expect(page.locator('.pagination__count')).toHaveText('1 user');
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByRole('link', { name: 'Super admins' }).click();
  await expect(row(page, superAdmin.email)).toContainText('Super admin');
  await expect(row(page, tess.email)).toHaveCount(0);
  await page.getByRole('link', { name: 'Active', exact: true }).click();
  await page.getByRole('link', { name: 'Person' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/users?show=active&sort=-email`);
  await expect(page.getByRole('columnheader', { name: 'Person' })).toHaveAttribute('aria-sort', 'descending');
  const emails = await page.locator('tbody .person__email').allTextContents();
  expect(emails).toEqual([...emails].sort().reverse());
  await find(page, 'nobody-like-that');
  await expect(page.getByRole('heading', { name: 'Nobody fits' })).toBeVisible();
  await expect(page).toHaveURL(/show=active/);
});

test('a super_admin creates an account, which the person then signs in to', async ({ as, anyone }) => {
  const name = unique('Ines New');
  const page = await as(superAdmin, '/admin/users');
  await page.getByRole('link', { name: 'Create user' }).click();
  const person = await hire(name);
  await page.getByLabel(/^Email/).fill(person.email.toUpperCase());
  await page.getByLabel(/^Name/).fill(name);
  await page.getByLabel(/^Organization/).selectOption({ label: 'Acme' });
  await page.getByLabel('Role in it').selectOption('org_admin');
  await tick(page, 'can_use_jit');
  await page.getByRole('button', { name: 'Create user' }).click();
  await expect(page.getByText(`User ${person.email} was created.`)).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  await expect(page.getByRole('listitem').filter({ hasText: 'Acme' })).toContainText('Organization admin');
  await expect(page.getByText('not allowed')).toBeVisible();
  await expect(page.getByText('never')).toBeVisible();

  const own = await anyone();
  await signIn(own, person, '/admin/users');
  await expect(row(own, person.email)).toContainText('just now');
  await page.reload();
  await expect(page.getByText('never')).toHaveCount(0);

  // Once is enough.
  await page.goto('/admin/users/new');
  await page.getByLabel(/^Email/).fill(person.email);
  await page.getByRole('button', { name: 'Create user' }).click();
  await expect(page.getByRole('alert')).toContainText(`User ${person.email} already exists`);
  await expect(page.getByLabel(/^Email/)).toHaveValue(person.email);
});

test('what is wrong with a new account is said beside its fields, and nothing typed is lost', async ({ as }) => {
  const page = await as(superAdmin, '/admin/users/new');
  // An address to the browser, and too long for one.
  const long = `${'x'.repeat(65)}@acme.example`;
  await page.getByLabel(/^Email/).fill(long);
  await page.getByLabel(/^Name/).fill('x'.repeat(201));
  await tick(page, 'auditor');
  await tick(page, 'can_use_jit');
  await page.getByRole('button', { name: 'Create user' }).click();
  await expect(page.getByRole('alert')).toContainText('2 fields need attention');
  await expect(page.locator('#email-error')).toHaveText('must be an email address like name@example.com');
  await expect(page.locator('#display_name-error')).toHaveText('must be 1 to 200 characters');
  await expect(page.getByLabel(/^Email/)).toHaveValue(long);
  await expect(page.getByLabel(/^Auditor/)).toBeChecked();
  await expect(page.getByLabel(/^May provision runners/)).not.toBeChecked();
});

test('deactivating says what ends, and ends it at once; reactivated, the person signs in anew', async ({ as, api, anyone }) => {
  const person = await hire(unique('Leo Leaver'));
  await api.ok('POST', '/admin/users', { email: person.email, display_name: person.name, organization_id: await api.acme() });
  const team = await api.team({ members: { [person.email]: 'admin', [max.email]: 'member' } });
  const own = await anyone();
  await signIn(own, person, '/tokens');
  const token = await makeToken(own, 'laptop');
  const me = () => fetch(`${origin()}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } });
  expect((await me()).status).toBe(200);

  const page = await as(superAdmin, `/admin/users/${person.email}`);
  await expect(page.getByRole('rowheader', { name: team.name }).getByRole('link', { name: team.name })).toHaveAttribute('href', `/admin/teams/${team.id}`);
  await page.getByRole('link', { name: 'Deactivate…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`Deactivate ${person.name}?`);
  for (const line of ['Ends 1 session at once', 'Revokes 1 access token for good', `${team.name} is left without an admin`]) {
    await expect(dialog).toContainText(line);
  }
  await expect(dialog).not.toContainText(/API key|Leaves/);
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect((await me()).status).toBe(200);

  await page.getByRole('link', { name: 'Deactivate…' }).click();
  await dialog.getByLabel(/^Comment/).fill('too short');
  await dialog.getByRole('button', { name: 'Deactivate' }).click();
  await expect(page.locator('#comment-error')).toHaveText('must be 10 to 500 characters');
  await expect(dialog.getByLabel(/^Comment/)).toHaveValue('too short');
  await dialog.getByLabel(/^Comment/).fill('Has found a better place');
  await dialog.getByRole('button', { name: 'Deactivate' }).click();
  await expect(page.getByText(`${person.name} is deactivated.`)).toBeVisible();
  await expect(page.getByText('Has found a better place')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Deactivated');

  // The session and the token are over, with the next request.
  await own.goto('/teams');
  await expect(own).toHaveURL(/\/login\?next=%2Fteams$/);
  expect((await me()).status).toBe(401);
  await own.getByRole('link', { name: 'Pick a demo person' }).click();
  await own.getByRole('button', { name: person.email }).click();
  await expect(own.getByText('User account is deactivated.')).toBeVisible();
  await page.goto(`/admin/teams/${team.id}`);
  await expect(page.getByText('This team has no admin')).toBeVisible();
  await page.goto(`/admin/users?q=${person.email}&show=deactivated`);
  await expect(row(page, person.email)).toContainText('Deactivated');

  await page.getByRole('link', { name: person.name }).click();
  await page.getByRole('button', { name: 'Reactivate' }).click();
  await expect(page.getByText(`${person.name} is active again.`)).toBeVisible();
  await signIn(own, person, '/teams');
  await expect(row(own, team.name)).toContainText('Team admin');
  expect((await me()).status).toBe(401);
});

test('rights are ticked and unticked, and the last super_admin stays', async ({ as, api }) => {
  const email = `${unique('rita').replace(' ', '.')}@acme.example`;
  await api.ok('POST', '/admin/users', { email, display_name: 'Rita Rights' });
  const page = await as(superAdmin, `/admin/users/${email}`);
  await page.getByLabel(/^Name/).fill('Rita Renamed');
  await tick(page, 'auditor');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Rita Renamed');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Auditor');
  await tick(page, 'auditor');
  await page.getByLabel(/^Name/).fill('');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByRole('heading', { level: 1 })).not.toContainText('Auditor');
  await expect(page.getByRole('heading', { level: 1 })).toContainText(email);

  // Ada is the demo's only super_admin.
  await page.goto(`/admin/users/${superAdmin.email}`);
  await tick(page, 'super_admin');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByRole('alert')).toContainText('Cannot take super admin from the last active admin user');
  await expect(page.getByLabel(/^Super admin/)).not.toBeChecked();
  await page.reload();
  await expect(page.getByLabel(/^Super admin/)).toBeChecked();
  await page.getByRole('link', { name: 'Deactivate…' }).click();
  await expect(page.getByRole('alert')).toContainText('Cannot deactivate the last active admin user');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('an org_admin and an auditor see the organization’s people and change no account', async ({ as, api }) => {
  const email = `${unique('otto').replace(' ', '.')}@elsewhere.example`;
  await api.ok('POST', '/admin/users', { email });
  for (const who of [olga, audrey]) {
    const page = await as(who, '/admin/users');
    await expect(row(page, tess.email)).toBeVisible();
    await expect(page.getByRole('link', { name: 'Create user' })).toHaveCount(0);
    await find(page, email);
    await expect(row(page, email)).toHaveCount(0);
    await page.goto(`/admin/users/${tess.email}`);
    await expect(page.getByText('ask a super admin')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
    await expect(page.getByText('Access tokens', { exact: true }).locator('visible=true')).toHaveCount(1);
    await expect(page.getByRole('link', { name: 'Deactivate…' })).toHaveCount(0);
    await page.goto(`/admin/users/${tess.email}?confirm=deactivate`);
    await expect(page.getByRole('dialog')).toHaveCount(0);
    expect((await page.goto(`/admin/users/${email}`))?.status()).toBe(404);
    expect((await page.goto('/admin/users/new'))?.status()).toBe(403);
    await page.close();
  }
  const page = await as(dana, '/teams');
  await expect(page.getByRole('link', { name: 'Users' })).toHaveCount(0);
  expect((await page.goto('/admin/users'))?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required');
});
