// Label policies of people in no team, and the way into teams (SPEC B16, B17; the seed's migration).
import type { Locator, Page } from '@playwright/test';
import { unique } from './support/api';
import { audrey, hire, orgAdmin, superAdmin } from './support/people';
import { signIn } from './support/sign-in';
import { expect, test } from './support/test';

const row = (page: Page | Locator, email: string) => page.getByRole('row').filter({ hasText: email });

async function provision(page: Page, labels: string): Promise<void> {
  await page.goto('/provision');
  await page.getByLabel(/^Custom labels/).fill(labels);
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
}

test('from a policy of one’s own to a team: written, used, refused, moved, and then a team is to be chosen', async ({ as, api, anyone }) => {
  const person = await hire(unique('Lou Loner'));
  const stem = unique('job').replace(/[^a-z0-9]/g, '');
  const own = await anyone();
  await signIn(own, person, '/provision');
  // The seed's "Team Dropdown Not Showing".
  await expect(own.getByText('You are in no active team and have no label policy')).toBeVisible();
  await expect(own.locator('#content').getByLabel(/^Team/)).toHaveCount(0);
  await api.ok('POST', `/admin/organizations/acme/members`, { user_id: person.email, role: 'org_member' });

  const page = await as(orgAdmin, '/admin/label-policies');
  await page.getByRole('link', { name: 'Create policy' }).first().click();
  await page.getByLabel(/^User email/).fill(person.email);
  await page.getByLabel(/^Allowed labels/).fill('gpu, not a label');
  await page.getByLabel(/^Label patterns/).fill(`${stem}-.{1,5}, (`);
  await page.getByLabel(/^Max runners/).fill('many');
  await page.getByRole('button', { name: 'Create policy' }).click();
  await expect(page.getByRole('alert')).toContainText('3 fields need attention');
  await expect(page.locator('#label_patterns-error')).toContainText("Invalid regex pattern '('");
  await expect(page.getByLabel(/^User email/)).toHaveValue(person.email);
  await page.getByLabel(/^Allowed labels/).fill('gpu');
  // B33: the comma in the braces does not separate.
  await page.getByLabel(/^Label patterns/).fill(`${stem}-.{1,5}`);
  await page.getByLabel(/^Max runners/).fill('1');
  await page.getByRole('button', { name: 'Create policy' }).click();
  await expect(page.getByText(`The label policy of ${person.name} is saved.`)).toBeVisible();

  await provision(own, 'arm');
  await expect(own.getByRole('alert').first()).toContainText(/Labels \{arm\} not permitted by policy.*Allowed labels: gpu/);
  await expect(own.getByLabel(/^Custom labels/)).toHaveValue('arm');
  await expect(own.getByText('Your own label policy applies')).toBeVisible();
  await provision(own, `gpu, ${stem}-1`);
  await expect(own.getByRole('heading', { level: 1 })).toContainText('Runner ready');
  await provision(own, 'gpu');
  await expect(own.getByRole('alert').first()).toContainText(/Runner quota exceeded.*Maximum allowed: 1, current: 1/);

  await page.goto(`/admin/label-policies?q=${encodeURIComponent(person.email)}`);
  await expect(row(page, person.email)).toContainText('1 / 1');
  await page.getByRole('link', { name: 'Move to teams' }).click();
  const card = page.locator('section.card').filter({ has: row(page, person.email) });
  await expect(row(card, person.email)).toContainText('no change');
  const name = unique('Builders');
  await card.locator('label', { hasText: 'Create this team' }).click();
  await card.getByLabel('Team name').fill('x');
  await page.locator('label[for="remove_policies"]').click();
  await page.getByRole('button', { name: 'Move to teams…' }).click();
  await expect(page.getByText('must be 2 to 50 characters').first()).toBeVisible();
  await expect(card.getByLabel('Team name')).toHaveValue('x');
  await expect(page.getByLabel(/^Remove their own policies/)).toBeChecked();
  await card.getByLabel('Team name').fill(name);
  await page.getByRole('button', { name: 'Move to teams…' }).click();
  await expect(page.getByRole('dialog')).toContainText('Creates 1 team, without an admin');
  await expect(page.getByRole('dialog')).toContainText('Removes 1 label policy');
  await page.getByRole('dialog').getByRole('button', { name: 'Move to teams' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('People moved to teams');
  await expect(page.getByRole('link', { name, exact: true })).toBeVisible();

  // The dropdown is there now, with the one team; without it, B34.
  await own.goto('/provision');
  await expect(own.locator('#content').getByLabel(/^Team/).locator('option:checked')).toHaveText(name);
  await provision(own, 'arm');
  await expect(own.getByRole('alert').first()).toContainText('Label not permitted by team policy: arm');
});

test('deleting a policy says what it means; the person’s page shows and links it', async ({ as, api, anyone }) => {
  const person = await hire(unique('Nel Next'));
  await signIn(await anyone(), person, '/teams');
  await api.ok('POST', '/admin/label-policies', { user_identity: person.email, allowed_labels: ['*'], require_approval: true });
  const page = await as(superAdmin, `/admin/users/${person.email}`);
  await expect(page.getByText('It counts: the person is in no active team.')).toBeVisible();
  await page.getByRole('link', { name: 'Edit policy' }).click();
  await page.locator('label[for="require_approval"]').click();
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByLabel(/^Require approval/)).not.toBeChecked();
  await page.getByRole('link', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`${person.name} will not be able to provision: they are in no active team`);
  await dialog.getByRole('button', { name: 'Delete policy' }).click();
  await expect(page.getByText(`The label policy of ${person.name} is deleted.`)).toBeVisible();
  expect((await api.call('GET', `/admin/label-policies/${person.email}`)).status).toBe(404);
});

test('auditors see policies and change none; others see neither', async ({ as, api }) => {
  await api.ok('POST', '/admin/label-policies', { user_identity: audrey.email, allowed_labels: ['gpu'] });
  const page = await as(audrey, '/admin/label-policies');
  await expect(row(page, audrey.email)).toContainText('gpu');
  await expect(page.getByRole('link', { name: 'Create policy' })).toHaveCount(0);
  await expect(page.getByRole('link', { name: /^Delete/ })).toHaveCount(0);
  await page.goto(`/admin/label-policies/${audrey.email}`);
  await expect(page.getByText('What it allows')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
  await page.goto('/admin/label-policies/migrate');
  await expect(page.getByRole('button', { name: 'Move to teams…' })).toHaveCount(0);
  await api.call('DELETE', `/admin/label-policies/${audrey.email}`);
});
