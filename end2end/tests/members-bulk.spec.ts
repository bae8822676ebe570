import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { dana, max, olga, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text });

/** The tile of the preview with this name. */
const stat = (page: Page, label: string) => page.locator('.stat').filter({ hasText: label }).locator('.stat__value');

/** Changes a check box. Its label lies over it. */
const tick = (page: Page, label: string) => page.locator('label', { hasText: label }).click();

async function choose(page: Page, email: string, item: string) {
  await row(page, email).getByLabel(`Actions for ${email}`).click();
  await row(page, email).locator('.menu__item', { hasText: item }).click();
}

/** Five people, two of whom cannot be added. */
const FIVE = [
  max.email,
  `${dana.name} <${dana.email}>, admin`,
  'nobody@acme.example',
  `${olga.email}; owner`,
  tess.email.toUpperCase(),
].join('\n');

test('a pasted list is looked at first; the good ones are added, the bad ones are not', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await page.getByRole('link', { name: 'Add several' }).click();
  await expect(page).toHaveTitle(/^Add several members · /);
  await page.getByLabel('People').fill(FIVE);
  await tick(page, 'Invite those who have no account yet');
  await page.getByRole('button', { name: 'Preview' }).click();

  await expect(stat(page, 'To be added')).toHaveText('2');
  await expect(stat(page, 'Already there')).toHaveText('1');
  await expect(stat(page, 'Problems')).toHaveText('2');
  const rows = page.locator('tbody tr');
  await expect(rows).toHaveCount(5);
  await expect(rows.nth(0)).toContainText('User not found: nobody@acme.example');
  await expect(rows.nth(1)).toContainText('role must be admin or member');
  await expect(row(page, dana.email)).toContainText('Team admin');
  await expect(row(page, tess.email.toUpperCase())).toContainText(`User ${tess.email} is already a member`);
  expect(page.url(), 'nothing of the list is in the address').toBe(`${origin()}/admin/teams/${team.id}/members/bulk?step=preview`);
  await page.reload();
  await expect(rows, 'a reload loses nothing').toHaveCount(5);
  expect(await api.members(team), 'nobody is added by looking').toHaveLength(1);

  await page.getByRole('button', { name: 'Go back and edit' }).click();
  await expect(page.getByLabel('People')).toHaveValue(FIVE);
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByRole('button', { name: 'Add the 2 good ones' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.id}/members`);
  await expect(page.getByText('2 people were added. Already there: 1. Left out: 2.')).toBeVisible();
  await expect(row(page, dana.email)).toContainText('from a list');
  const roles = Object.fromEntries((await api.members(team)).map((member) => [member.email, member.role]));
  expect(roles).toEqual({ [tess.email]: 'admin', [max.email]: 'member', [dana.email]: 'admin' });

  await page.goto(`/admin/teams/${team.id}/members/bulk`);
  await expect(page.getByLabel('People'), 'what was added is done with').toHaveValue('');
});

test('who has no account is invited, listed, withdrawn, and joins with the account', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const address = (name: string) => `${unique(name).replace(' ', '-')}@acme.example`;
  const [first, second] = [address('first'), address('second')];
  const page = await as(tess, `/admin/teams/${team.id}/members/bulk`);
  await page.getByLabel('People').fill(first);
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(stat(page, 'To be invited')).toHaveText('1');
  await expect(row(page, first)).toContainText('Will be invited');
  await page.getByRole('button', { name: 'Invite 1 person' }).click();
  await expect(page.getByText('1 person is invited')).toBeVisible();

  // One alone, where members are added: not by accident.
  await page.getByLabel('Email or user id').fill(second);
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.locator('#user_id-error', { hasText: `User not found: ${second}` })).toBeVisible();
  await tick(page, 'Invite if there is no account yet');
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.getByText(`${second} has no account yet and is invited`)).toBeVisible();

  await page.getByRole('link', { name: 'See the invitations' }).click();
  await expect(page.locator('tbody tr')).toHaveCount(2);
  await expect(page.getByRole('link', { name: 'Write to all of them' })).toHaveAttribute('href', /^mailto:/);
  await page.getByRole('button', { name: `Withdraw the invitation of ${second}` }).click();
  await expect(page.getByText('The invitation was withdrawn.')).toBeVisible();
  await expect(page.locator('tbody tr')).toHaveCount(1);

  await api.ok('POST', '/admin/users', { email: first });
  await page.goto(`/admin/teams/${team.id}/members`);
  await expect(row(page, first)).toContainText('by invitation');
  await page.goto(`/admin/teams/${team.id}/members/invitations`);
  await expect(page.getByText('Nobody is invited')).toBeVisible();
});

test('a CSV file is read by its columns, and the rest have the chosen role', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members/bulk`);
  const csv = `\ufeffName;Email;Role\r\n"Member; Max";${max.email};member\r\nDana;${dana.email};\r\n`;
  await page.getByLabel('Or a CSV file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await page.getByLabel('Role, where the list has none').selectOption('admin');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(stat(page, 'To be added')).toHaveText('2');
  await expect(row(page, dana.email)).toContainText('Team admin');
  await page.getByRole('button', { name: 'Add all 2' }).click();
  await expect(page.getByText('2 people were added.')).toBeVisible();
  const roles = Object.fromEntries((await api.members(team)).map((member) => [member.email, member.role]));
  expect(roles).toEqual({ [tess.email]: 'admin', [max.email]: 'member', [dana.email]: 'admin' });
});

test('a list without anybody is an error beside its field, and what was typed stays', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members/bulk`);
  await page.getByLabel('Role, where the list has none').selectOption('admin');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.locator('#list-error')).toHaveText('must have at least one person');
  await expect(page.getByLabel('Role, where the list has none')).toHaveValue('admin');
  await page.getByLabel('People').fill(max.email);
  await page.getByLabel('Or a CSV file').setInputFiles({ name: 'x.csv', mimeType: 'text/csv', buffer: Buffer.from('a@b.example') });
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.locator('#file-error')).toContainText('must be left out when there is a list');
  await expect(page.getByLabel('People')).toHaveValue(max.email);
});

test('what has changed since the preview is looked at again', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members/bulk`);
  await page.getByLabel('People').fill(`${max.email}\n${dana.email}`);
  await page.getByRole('button', { name: 'Preview' }).click();
  await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: max.email });
  await page.getByRole('button', { name: 'Add all 2' }).click();
  await expect(page.getByText('1 person was added. Already there: 1.')).toBeVisible();
});

test('a member is not offered the page, and not let in', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(max, `/admin/teams/${team.id}/members`);
  await expect(page.getByRole('link', { name: 'Add several' })).toHaveCount(0);
  const answer = await page.goto(`/admin/teams/${team.id}/members/bulk`);
  expect(answer?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Insufficient permissions');
});

/** A moment from now as a field of date and time takes it, in UTC. */
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);

test('an admin until Friday: set when adding, changed, and taken away', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await page.getByLabel('Email or user id').fill(max.email);
  await page.getByLabel('Role').selectOption('admin');
  await page.getByText('For a time only').click();
  await page.getByLabel('Admin until').fill(inDays(-3));
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.locator('#admin_until-error')).toHaveText('must be in the future');
  await expect(page.getByLabel('Email or user id')).toHaveValue(max.email);
  await page.getByLabel('Admin until').fill(inDays(3));
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.getByText(new RegExp(`${max.email} is now an admin of the team, as an admin until .* UTC\\.`))).toBeVisible();
  await expect(row(page, max.email)).toContainText('Admin until');

  await choose(page, max.email, 'Role and end…');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Membership ends').fill(inDays(-1));
  await dialog.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByRole('dialog').locator('.field__error')).toHaveText('must be in the future');
  await page.getByRole('dialog').getByLabel('Membership ends').fill(inDays(9));
  await page.getByRole('dialog').getByLabel('Role').selectOption('member');
  await page.getByRole('dialog').getByLabel('Admin until').fill('');
  await page.getByRole('dialog').getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText(new RegExp(`${max.email} is now a member of the team, until .* UTC\\.`))).toBeVisible();
  await expect(row(page, max.email)).toContainText('Member until');
  await expect(row(page, max.email)).not.toContainText('Admin until');
});

test('the last admin gets no end', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await choose(page, tess.email, 'Role and end…');
  await page.getByRole('dialog').getByLabel('Admin until').fill(inDays(3));
  await page.getByRole('dialog').getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('Cannot remove last team admin');
  await expect(page.getByRole('dialog').getByLabel('Admin until'), 'what was typed stays').not.toHaveValue('');
  await page.getByRole('dialog').getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('a membership ends by itself, at its second', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  // Signed in before: on a slow machine that alone takes as long as the membership lasts.
  const page = await as(max, '/teams');
  const end = Date.now() + 5_000;
  await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: max.email, expires_at: new Date(end).toISOString() });
  await page.goto(`/admin/teams/${team.id}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(team.name);
  await page.waitForTimeout(Math.max(0, end - Date.now()) + 200);
  const answer = await page.goto(`/admin/teams/${team.id}`);
  expect(answer?.status()).toBe(403);
  const above = await as(tess, `/admin/teams/${team.id}`);
  await expect(async () => {
    await above.reload();
    await expect(above.getByText('ended the membership of')).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 15_000 });
  expect(await api.members(team)).toHaveLength(1);
});

test('members are searched and filtered, and the address says how', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member', [dana.email]: 'member', [olga.email]: 'member' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await page.getByRole('searchbox', { name: 'Search members' }).fill('DAN');
  await page.getByRole('searchbox', { name: 'Search members' }).press('Enter');
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await expect(row(page, dana.email)).toBeVisible();
  await page.getByRole('link', { name: 'Admins', exact: true }).click();
  await expect(page.getByText('Nobody fits')).toBeVisible();
  await page.getByRole('link', { name: 'Show all members' }).click();
  await expect(page.locator('tbody tr')).toHaveCount(4);
  await page.getByRole('navigation', { name: 'Kind' }).getByRole('link', { name: 'Admins' }).click();
  await expect(page.locator('tbody tr')).toHaveCount(1);
  expect(new URL(page.url()).search).toBe('?role=admin');
});

test('the question before a removal names the runners that stay', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const own = await apiOf(max);
  const made = await own.ok('POST', '/runners/jit', { runner_name_prefix: 'stays', team_id: team.id });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await choose(page, max.email, 'Remove…');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('keeps running and counts against the quota.');
  await expect(dialog).not.toContainText('Revokes');
  await expect(dialog.getByRole('list', { name: 'Runners that stay' })).toContainText(made.runner_name);
  await dialog.getByRole('link', { name: "the team's runners" }).click();
  await expect(page).toHaveURL(`${origin()}/runners?team=${team.id}`);
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await expect(row(page, made.runner_name)).toBeVisible();
});
