import type { Page } from '@playwright/test';
import { dana, max, orgAdmin, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const row = (page: Page, email: string) => page.getByRole('row').filter({ hasText: email });

async function choose(page: Page, email: string, item: string) {
  await row(page, email).getByLabel(`Actions for ${email}`).click();
  await row(page, email).locator('.menu__item', { hasText: item }).click();
}

test('someone unknown is an error beside the form, and what was typed stays', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  // B28.
  const columns = ['Person', 'Role', 'Joined', 'Added by', 'Last seen', 'Actions'];
  await expect(page.getByRole('columnheader')).toHaveText(columns);
  await page.getByLabel('Email or user id').fill('nobody@acme.example');
  await page.getByLabel('Role').selectOption('admin');
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.getByRole('alert')).toContainText('User not found: nobody@acme.example');
  await expect(page.getByLabel('Email or user id')).toHaveValue('nobody@acme.example');
  await expect(page.getByLabel('Role')).toHaveValue('admin');

  await page.getByLabel('Email or user id').fill('not an address');
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.locator('#user_id-error')).toHaveText("must be a user's UUID or email address");
  await expect(page.getByLabel('Email or user id')).toHaveValue('not an address');
  expect(await api.members(team)).toHaveLength(1);
});

test('a team admin adds people, by email or id, and changes what they are', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await page.getByLabel('Email or user id').fill(max.email.toUpperCase());
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.getByText(`${max.email} is now a member of the team.`)).toBeVisible();
  await expect(row(page, max.email)).toContainText('Member');
  await expect(row(page, max.email)).toContainText(tess.email);

  const elsewhere = await api.team({ members: { [dana.email]: 'member' } });
  const id = (await api.members(elsewhere))[0]?.user_id ?? '';
  await page.getByLabel('Email or user id').fill(id);
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(row(page, dana.email)).toHaveCount(1);

  await page.getByLabel('Email or user id').fill(dana.email);
  await page.getByRole('button', { name: 'Add Member' }).click();
  await expect(page.getByRole('alert')).toContainText(`User ${dana.email} is already a member of team ${team.name}`);

  await choose(page, max.email, 'Make team admin');
  await expect(page.getByText(`${max.email} is now an admin of the team.`)).toBeVisible();
  await expect(row(page, max.email)).toContainText('Team admin');
  const roles = Object.fromEntries((await api.members(team)).map((member) => [member.email, member.role]));
  expect(roles).toEqual({ [tess.email]: 'admin', [max.email]: 'admin', [dana.email]: 'member' });
});

test('the last admin stays: not demoted, not removed, not gone', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await choose(page, tess.email, 'Make member…');
  await expect(page.getByRole('dialog')).toContainText('Only another admin');
  await page.getByRole('dialog').getByRole('button', { name: 'Make me a member' }).click();
  await expect(page.getByRole('alert')).toContainText('Cannot remove last team admin');
  await expect(page.getByRole('alert')).toContainText('First promote another member');
  await choose(page, tess.email, 'Leave team…');
  await page.getByRole('dialog').getByRole('button', { name: 'Leave team' }).click();
  await expect(page.getByRole('alert')).toContainText('Cannot remove last team admin');

  const above = await as(orgAdmin, `/admin/teams/${team.id}/members`);
  await choose(above, tess.email, 'Remove…');
  await above.getByRole('dialog').getByRole('button', { name: 'Remove member' }).click();
  await expect(above.getByRole('alert')).toContainText('Cannot remove last team admin');
  expect((await api.members(team)).find((member) => member.email === tess.email)?.role).toBe('admin');
});

test('removing asks first, in numbers, and can be cancelled', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const own = await apiOf(max);
  await own.ok('POST', '/runners/jit', { runner_name_prefix: 'left', team_id: team.id });
  const project = await api.project(team, 'Ledger');
  const assigned = await api.call('PUT', `/admin/teams/${team.id}/projects/${project.id}/members/${max.email}`, { role: 'member' });

  const page = await as(tess, `/admin/teams/${team.id}/members`);
  await choose(page, max.email, 'Remove…');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`Remove ${max.email} from ${team.name}?`);
  expect(assigned.status).toBeLessThan(300);
  await expect(dialog).toContainText('Removes 1 project role');
  await expect(dialog).toContainText('Leaves 1 runner running');
  // There are none: nothing is said of keys.
  await expect(dialog).not.toContainText('Revokes');
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.id}/members`);
  expect(await api.members(team)).toHaveLength(2);

  await choose(page, max.email, 'Remove…');
  await page.getByRole('dialog').getByRole('button', { name: 'Remove member' }).click();
  await expect(page.getByText(`${max.email} was removed. 1 runner of theirs is still running.`)).toBeVisible();
  await expect(row(page, max.email)).toHaveCount(0);
  expect((await api.members(team)).map((member) => member.email)).toEqual([tess.email]);
  expect(await api.runners(team)).toHaveLength(1);

  // Whoever looks at the team's runners sees that nobody of the team is behind this one.
  await page.getByRole('link', { name: 'See it' }).click();
  await expect(row(page, max.email)).toContainText('Owner not in the team');
  await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: max.email });
  await page.reload();
  await expect(row(page, max.email)).toHaveCount(1);
  await expect(row(page, max.email)).not.toContainText('Owner not in the team');
});

test('a member sees who is in the team, changes nothing, and may leave', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(max, `/admin/teams/${team.id}/members`);
  await expect(row(page, tess.email)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add Member' })).toHaveCount(0);
  await expect(row(page, tess.email).getByLabel(/^Actions/)).toHaveCount(0);
  await choose(page, max.email, 'Leave team…');
  await expect(page.getByRole('dialog')).toContainText(`Leave ${team.name}?`);
  await page.getByRole('dialog').getByRole('button', { name: 'Leave team' }).click();
  await expect(page).toHaveURL(`${origin()}/teams`);
  await expect(page.getByText('You left the team.')).toBeVisible();
  expect((await api.members(team)).map((member) => member.email)).toEqual([tess.email]);
  const answer = await page.goto(`/admin/teams/${team.id}/members`);
  expect(answer?.status()).toBe(403);
});

test('a team without an admin says so, to those who can change it', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const page = await as(superAdmin, `/admin/teams/${team.id}`);
  await expect(page.getByText('This team has no admin')).toBeVisible();
  await page.getByRole('link', { name: 'Choose an admin' }).click();
  await choose(page, max.email, 'Make team admin');
  await page.goto(`/admin/teams/${team.id}`);
  await expect(page.getByText('This team has no admin')).toHaveCount(0);
  await expect(page.getByText('changed the role of')).toBeVisible();
});
