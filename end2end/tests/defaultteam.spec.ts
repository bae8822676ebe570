// The Default Team: everyone is in it, it stays as it is, and people are moved on from it.
import { unique } from './support/api';
import { ada, max, nora } from './support/people';
import { expect, test } from './support/test';

const ID = 'a0000000-0000-4000-8000-000000000001';
const PAGE = `/admin/teams/${ID}`;

test('its page has the numbers of everyone, and offers nothing that would end it', async ({ as, api }) => {
  const stats = await api.ok('GET', '/admin/default-team/stats');
  const page = await as(ada, PAGE);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('System');
  const card = page.getByRole('region', { name: 'Statistics' });
  await expect(card.getByText('Members').locator('xpath=following-sibling::dd')).not.toHaveText('0');
  expect(stats.memberCount).toBeGreaterThan(6);
  await expect(card.getByText('of $10,000')).toBeVisible();
  await expect(page.getByText('This team has no admin')).toHaveCount(0);
  await page.getByRole('navigation', { name: 'Team' }).getByRole('link', { name: 'Settings' }).click();
  await expect(page.getByText('System team')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Deactivate' })).toHaveCount(0);
  await expect(page.getByLabel('Name', { exact: true })).toHaveCount(0);
  await page.getByLabel('Description').fill('Everyone.');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  await api.ok('PATCH', `/admin/teams/${ID}`, { description: 'Default team for all users until team management is implemented' });
});

test('one person, then a selection, are moved to a team; the question says what happens in numbers', async ({ as, api }) => {
  const team = await api.team({ name: unique('Movers'), organization_id: null });
  const name = unique('mover').replace(' ', '-').toLowerCase();
  const emails = ['a', 'b', 'c'].map((letter) => `${name}-${letter}@example.com`);
  for (const email of emails) await api.ok('POST', '/admin/users', { email });
  const page = await as(ada, `${PAGE}/members?q=${name}`);
  await expect(page.getByRole('button', { name: 'Add Member' })).toHaveCount(0);
  await page.getByLabel(`Actions for ${emails[0]}`).click();
  await page.getByRole('link', { name: 'Move to a team…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`Move ${emails[0]} to a team`);
  await expect(dialog).toContainText('Makes it the primary team of 1 person');
  await expect(dialog).toContainText('Nobody leaves the Default Team');
  await dialog.getByLabel('Team', { exact: true }).selectOption({ value: team.id });
  await dialog.getByRole('button', { name: 'Move to team' }).click();
  await expect(page.getByText(`1 person was moved to ${team.name}.`)).toBeVisible();

  await page.goto(`${PAGE}/members?q=${name}`);
  for (const email of emails) await page.getByLabel(`Select ${email}`).check();
  await page.getByRole('button', { name: 'Move selected to a team…' }).click();
  await expect(dialog).toContainText('Adds 3 people to the team');
  await expect(dialog).toContainText('1 person in another team already keeps that one as primary team');
  await dialog.getByLabel('Team', { exact: true }).selectOption({ value: team.id });
  await dialog.getByLabel('Role').selectOption('admin');
  await dialog.getByRole('button', { name: 'Move to team' }).click();
  await expect(page.getByText(`2 people were moved to ${team.name}. Already there: 1.`)).toBeVisible();
  const { members } = await api.ok('GET', `/admin/teams/${team.id}/members`);
  expect(members.map((member: { email: string; role: string }) => [member.email, member.role]).sort()).toEqual([
    [emails[0], 'member'],
    [emails[1], 'admin'],
    [emails[2], 'admin'],
  ]);
  const everyone = await api.ok('GET', `/admin/teams/${ID}/members?search=${name}`);
  expect(everyone.total).toBe(3);
});

test('a move that a rule forbids moves nobody, and loses nothing that was chosen', async ({ as, api }) => {
  const acme = await api.team({ name: unique('Closed') });
  const email = `${unique('outsider').replace(' ', '-').toLowerCase()}@elsewhere.example`;
  await api.ok('POST', '/admin/users', { email });
  const page = await as(ada, `${PAGE}/members?q=${email}`);
  await page.getByLabel(`Select ${email}`).check();
  await page.getByRole('button', { name: 'Move selected to a team…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Team', { exact: true }).selectOption({ value: acme.id });
  await dialog.getByLabel('Role').selectOption('admin');
  await dialog.getByRole('button', { name: 'Move to team' }).click();
  await expect(dialog.getByRole('alert')).toContainText("is not in this organization's email domains");
  await expect(dialog.getByLabel('Team', { exact: true })).toHaveValue(acme.id);
  await expect(dialog.getByLabel('Role')).toHaveValue('admin');
  await dialog.getByText('Leave out who cannot be added').click();
  await dialog.getByRole('button', { name: 'Move to team' }).click();
  await expect(page.getByText(`0 people were moved to ${acme.name}. Left out: 1.`)).toBeVisible();
});

test('who is in no other team is in no team, and nobody sees everyone by it', async ({ as }) => {
  const none = await as(nora, '/teams');
  await expect(none.getByText('Default Team')).toHaveCount(0);
  for (const person of [nora, max]) {
    const page = await as(person, `${PAGE}/members`);
    await expect(page.getByText('Access denied: not a team member').first()).toBeVisible();
    await expect(page.getByRole('table')).toHaveCount(0);
  }
});
