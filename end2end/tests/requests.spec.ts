// Requests: to join a team, for a model, for more runners; decided one by one and many at a time (SPEC B31, C15).
import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { ada, hire, max, olga, orgAdmin, tess } from './support/people';
import { signIn } from './support/sign-in';
import { expect, test } from './support/test';

/** Sends the form of a new request. */
async function ask(page: Page, reason: string): Promise<void> {
  await page.getByLabel(/^Reason/).fill(reason);
  await page.getByRole('button', { name: 'Send request' }).click();
  await expect(page.getByText('Your request waits for a decision.')).toBeVisible();
}

/** Ticks a model. Its label lies over its box. */
async function tick(page: Page, model: string): Promise<void> {
  const label = page.locator('label', { hasText: new RegExp(`^${model}$`) });
  if (!(await label.isVisible())) await page.getByText('Limits and models').click();
  await label.click();
  await expect(page.getByLabel(model, { exact: true })).toBeChecked();
}

/** Answers the question that is open. */
async function answer(page: Page, button: string, reason?: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  if (reason !== undefined) await dialog.getByLabel(/^Reason/).fill(reason);
  await dialog.getByRole('button', { name: button }).click();
}

test('somebody who may not see a team asks to join it, and is a member once its admin approves', async ({ as, api, anyone }) => {
  const team = await api.team({ name: unique('Harbor'), members: { [tess.email]: 'admin' } });
  const person = await hire(unique('Jo Joiner'));
  const own = await anyone();
  await signIn(own, person, `/admin/teams/${team.slug}`);
  await expect(own.getByRole('heading', { level: 1 })).toHaveText('Access denied: not a team member');
  await own.getByRole('link', { name: 'Request to join' }).click();
  await expect(own.locator('#content').getByLabel(/^Team/)).toHaveValue(team.slug);
  // The browser itself asks for an empty one.
  await own.getByLabel(/^Reason/).fill('  ');
  await own.getByRole('button', { name: 'Send request' }).click();
  await expect(own.locator('#reason-error')).toBeVisible();
  await expect(own.locator('#content').getByLabel(/^Team/)).toHaveValue(team.slug);
  await ask(own, 'I work on the harbor now');
  await expect(own.getByText('Pending', { exact: true })).toBeVisible();
  await expect(own.getByRole('link', { name: 'Approve' })).toHaveCount(0);
  const request = own.url();

  // Nobody asks twice: the refused page and the form lead to what waits.
  await own.goto(`/admin/teams/${team.slug}`);
  await expect(own.getByRole('link', { name: 'Request to join' })).toHaveCount(0);
  await expect(own.getByRole('link', { name: 'Ask why' })).toHaveAttribute('href', `/admin/explain?team=${team.slug}`);
  await own.getByRole('link', { name: /^Your request waits/ }).click();
  await expect(own).toHaveURL(request);
  await own.goto(`/requests/new?kind=join&team=${team.id}`);
  await expect(own.getByText('You have asked to join this team already')).toBeVisible();
  await expect(own.getByRole('button', { name: 'Send request' })).toHaveCount(0);
  await own.goto('/');
  await own.getByRole('region', { name: 'My requests' }).getByRole('link', { name: `Join ${team.name} as member` }).click();
  await expect(own).toHaveURL(request);

  const page = await as(tess, '/requests?view=decide');
  await page.getByRole('link', { name: `Join ${team.name} as member` }).click();
  await expect(page.getByText('I work on the harbor now')).toBeVisible();
  await page.getByRole('link', { name: 'Approve' }).click();
  await answer(page, 'Approve');
  await expect(page.getByText(`Join ${team.name} as member is approved.`)).toBeVisible();
  expect((await api.members(team)).map((member) => member.email)).toContain(person.email);
  await own.goto(`/admin/teams/${team.slug}`);
  await expect(own.getByRole('heading', { level: 1 })).toHaveText(new RegExp(team.name));
  await own.goto('/');
  await expect(own.getByRole('region', { name: 'My requests' })).toHaveCount(0);
});

test('a restricted model: asked for at the key form, denied with a reason, reviewed, approved, used', async ({ as, api }) => {
  const team = await api.team({ name: unique('Support'), members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(max, `/keys/new?team=${team.id}`);
  await page.getByLabel(/^Name/).fill('Answers');
  await page.locator('#content').getByLabel('Team').selectOption(team.id);
  await tick(page, 'claude-opus');
  await expect(page.getByText('needs a request', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByRole('link', { name: /^Models: claude-opus is restricted/ })).toBeVisible();
  await expect(page.locator('#modelIds-error')).toContainText('claude-opus is restricted: the team needs an approved request');
  await expect(page.getByLabel('claude-opus', { exact: true })).toBeChecked();
  await page.getByRole('listitem').filter({ hasText: team.name }).getByRole('link', { name: /^Request it/ }).click();
  await expect(page.getByLabel(/^Model/)).toHaveValue('claude-opus');
  await ask(page, 'The answers are better');
  const address = new URL(page.url()).pathname;

  const admin = await as(olga, address);
  await admin.getByRole('link', { name: 'Deny' }).click();
  await answer(admin, 'Deny', '  ');
  await expect(admin.getByRole('dialog').locator('#reason-error')).toContainText('the requester reads why');
  await answer(admin, 'Deny', 'claude-sonnet will do');
  await expect(admin.getByText('Model: claude-opus is denied.')).toBeVisible();

  await page.goto('/requests');
  const row = page.getByRole('row').filter({ hasText: team.name });
  await expect(row).toContainText('claude-sonnet will do');
  await row.getByRole('link').click();
  await page.getByRole('link', { name: 'Request Review' }).click();
  await expect(page.getByLabel(/^Model/)).toHaveValue('claude-opus');
  await expect(page.locator('#content').getByLabel('Team')).toHaveValue(team.id);
  await ask(page, 'It will not: here are ten answers');
  await expect(page.getByRole('link', { name: 'after a denial' })).toHaveAttribute('href', address);

  await admin.goto(new URL(page.url()).pathname);
  await admin.getByRole('link', { name: 'Approve' }).click();
  await answer(admin, 'Approve');
  await page.goto(`/keys/new?team=${team.id}`);
  await expect(page.getByRole('link', { name: /Request it/ })).toHaveCount(0);
  await page.getByLabel(/^Name/).fill('Answers');
  await page.locator('#content').getByLabel('Team').selectOption(team.id);
  await tick(page, 'claude-opus');
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByRole('heading', { name: 'Copy key Answers now' })).toBeVisible();

  // Undone: it waits again, and the page says what that means.
  await admin.getByRole('link', { name: 'Revert decision' }).click();
  await answer(admin, 'Revert decision');
  await expect(admin.getByText('The request waits again.')).toBeVisible();
  await expect(admin.getByText('Pending', { exact: true })).toBeVisible();
});

test('many requests are decided at a time, with one reason', async ({ as, api }) => {
  const teams = [await api.team({ max_runners: 2, members: { [max.email]: 'member' } }), await api.team({ max_runners: 2, members: { [max.email]: 'member' } })];
  const page = await as(max, '/requests/new?kind=quota');
  for (const team of teams) {
    await page.goto(`/requests/new?kind=quota&team=${team.id}`);
    await page.getByLabel(/^Max runners/).fill('many');
    await page.getByLabel(/^Reason/).fill('The builds wait');
    await page.getByRole('button', { name: 'Send request' }).click();
    await expect(page.locator('#value-error')).toContainText('must be a whole number');
    await page.getByLabel(/^Max runners/).fill('9');
    await ask(page, 'The builds wait');
  }
  const admin = await as(orgAdmin, '/requests?view=decide&kind=quota');
  const deny = admin.getByRole('button', { name: 'Deny selected…' });
  await deny.click();
  await expect(admin.getByText('Nothing is selected')).toBeVisible();
  for (const team of teams) await admin.getByRole('row').filter({ hasText: team.name }).getByRole('checkbox').check();
  await deny.click();
  await expect(admin.getByRole('dialog')).toContainText('Deny 2 requests?');
  await answer(admin, 'Deny', '');
  // The question is asked again, and nothing was lost.
  await expect(admin.getByRole('dialog')).toContainText('Deny 2 requests?');
  await answer(admin, 'Deny', 'No room this month');
  await expect(admin.getByText('2 requests decided.')).toBeVisible();
  for (const team of teams) {
    await expect(admin.getByRole('row').filter({ hasText: team.name })).toHaveCount(0);
    expect((await api.get(team)).max_runners).toBe(2);
  }
  await page.goto('/requests?state=denied&kind=quota');
  await expect(page.getByRole('row').filter({ hasText: teams[0]!.name })).toContainText('No room this month');
});

test('a full quota is met at the provision page, asked for there, and raised', async ({ as, api, apiOf }) => {
  const team = await api.team({ max_runners: 1, members: { [max.email]: 'member' } });
  await (await apiOf(max)).ok('POST', '/runners/jit', { runner_name_prefix: 'full', team_id: team.id });
  const page = await as(max, `/provision?team=${team.id}`);
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('alert').first()).toContainText('Team quota exceeded');
  await page.getByRole('link', { name: 'Request a larger quota' }).click();
  await expect(page.locator('#content').getByLabel('Team')).toHaveValue(team.id);
  await page.getByLabel(/^Max runners/).fill('2');
  await ask(page, 'Two are enough');
  const admin = await as(orgAdmin, new URL(page.url()).pathname);
  await admin.getByRole('link', { name: 'Approve' }).click();
  await answer(admin, 'Approve', 'Two it is');
  await expect(admin.getByText('Approved', { exact: true })).toBeVisible();
  await page.goto(`/provision?team=${team.id}`);
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Runner ready');
});

test('an organization restricts a model, and sees what that does', async ({ as, api }) => {
  const slug = unique('harbors').replace(' ', '-');
  const organization = await api.ok('POST', '/admin/organizations', { name: unique('Harbors'), slug });
  const page = await as(orgAdmin, '/requests');
  await expect(page.getByRole('link', { name: 'Restricted models' })).toHaveCount(0);
  const root = await as(ada, `/admin/organizations/${slug}/settings`);
  const field = root.getByLabel(/^Models that need a request/);
  await field.fill(`${'x'.repeat(201)}`);
  await root.getByRole('button', { name: 'Save models' }).click();
  await expect(root.locator('#restricted-error')).toContainText('each model must be 1 to 200 characters');
  await field.fill('gpt-4o, claude-opus');
  await root.getByRole('button', { name: 'Save models' }).click();
  await expect(root.getByText('Restricted models saved.')).toBeVisible();
  const table = root.getByRole('table', { name: 'Restricted models in numbers' });
  await expect(table.getByRole('row')).toHaveCount(3);
  const kept = await api.ok('GET', `/admin/organizations/${organization.id}/restricted-models`);
  expect(kept.models).toEqual(['claude-opus', 'gpt-4o']);
});

test('a request for labels begins with those of the team, and adds what was refused', async ({ as, api }) => {
  const teams = [
    await api.team({ optional_label_patterns: ['backend-.*'], members: { [max.email]: 'member' } }),
    await api.team({ members: { [max.email]: 'member' } }),
  ];
  const page = await as(max, `/requests/new?kind=labels&team=${teams[0]?.id}&add=gpu-1.0`);
  await expect(page.getByLabel(/^Label patterns/)).toHaveValue('backend-.*, gpu-1\\.0');
  await expect(page.locator('#content').getByLabel(/^Team/).getByRole('option')).toHaveCount(1);
  // Another team has another list: it is chosen before the form.
  await page.getByRole('link', { name: 'Choose another team' }).click();
  await expect(page.getByRole('heading', { name: /for which team/ })).toBeVisible();
  await page.getByRole('link', { name: teams[0]?.name ?? '', exact: true }).click();
  await expect(page.getByLabel(/^Label patterns/)).toHaveValue('backend-.*');
});

test('what waits names who decides, and asking for it again leads to it', async ({ as, api }) => {
  const team = await api.team({ max_runners: 2, members: { [max.email]: 'member', [tess.email]: 'admin' } });
  const page = await as(max, `/requests/new?kind=quota&team=${team.id}`);
  await page.getByLabel(/^Max runners/).fill('9');
  await ask(page, 'Release week');
  const who = page.getByRole('main').locator('dl div').filter({ hasText: 'Who decides' });
  // To raise a quota is beyond the team's own admin.
  await expect(who).toContainText('A super admin or organization admin');
  await expect(who.locator('.person').first()).toBeVisible();
  await expect(who).not.toContainText(tess.email);
  await page.goto(`/requests/new?kind=quota&team=${team.id}`);
  await page.getByLabel(/^Max runners/).fill('9');
  await page.getByLabel(/^Reason/).fill('Release week');
  await page.getByRole('button', { name: 'Send request' }).click();
  await expect(page.getByText('The same is asked for already')).toBeVisible();
  await expect(page.getByLabel(/^Max runners/), 'nothing typed is lost').toHaveValue('9');
  await page.getByRole('link', { name: 'See your requests' }).click();
  await expect(page.getByRole('row').filter({ hasText: team.name })).toContainText('9 runners at a time');
});
