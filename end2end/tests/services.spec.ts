// Services: the catalogue of an organization, what a team may use of it and why, and the guides (SPEC D2, D9).
import type { Page } from '@playwright/test';
import type { Api, Team } from './support/api';
import { unique } from './support/api';
import { auditor, max, nora, orgAdmin, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';

/** A service's name that no other test has. */
const serviceName = () => unique('svc').toLowerCase().replaceAll(' ', '-');

const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });

async function addService(api: Api, name: string): Promise<{ id: string; name: string }> {
  return api.ok('POST', `/admin/organizations/${await api.acme()}/services`, { name });
}

/** What a team may use: each service with its reason. */
async function allowed(api: Api, team: Team): Promise<Record<string, string>> {
  const answer = await api.ok('GET', `/admin/teams/${team.id}/services`);
  return Object.fromEntries(answer.allowed_services.map((one: any) => [one.service, one.reason]));
}

/** Without JavaScript a message stays, and may lie over the last rows: looks at the page anew first. */
async function choose(page: Page, team: Team, name: string, item: string) {
  await page.goto(`/admin/teams/${team.id}/policy`);
  await row(page, name).getByLabel(`Actions for ${name}`).click();
  await row(page, name).locator('.menu__item', { hasText: item }).click();
}

test('an org_admin adds a service, changes it, and deletes it', async ({ as, api }) => {
  const name = serviceName();
  const page = await as(orgAdmin, '/admin/services?organization=acme');
  await page.getByRole('main').getByRole('link', { name: 'Add service' }).click();
  await page.getByLabel(/^Name/).fill('LLM Service');
  await page.getByLabel(/^Description/).fill('Chat and completions');
  await page.getByLabel(/^Kind/).selectOption('Model gateway');
  await page.getByLabel(/^Paths/).fill('GET /v1\nv2');
  await page.getByRole('button', { name: 'Add service' }).click();
  // Everything that is wrong at once, and nothing that was typed is lost.
  await expect(page.getByRole('alert')).toContainText('2 fields need attention');
  await expect(page.locator('#path_prefixes-error')).toContainText("'v2'");
  await expect(page.getByLabel(/^Kind/)).toHaveValue('model_gateway');
  await expect(page.getByLabel(/^Description/)).toHaveValue('Chat and completions');
  await page.getByLabel(/^Name/).fill(name);
  await page.getByLabel(/^Paths/).fill('GET /v1\n/v2');
  await page.getByRole('button', { name: 'Add service' }).click();
  await expect(page.getByText(`Service ${name} was added. No team may use it yet.`)).toBeVisible();
  await expect(row(page, name)).toContainText('Model gateway');
  await expect(row(page, name)).toContainText('GET /v1');

  await page.getByRole('link', { name, exact: true }).click();
  await page.getByLabel(/^Description/).fill('Chat, completions and embeddings');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  await expect(page.getByLabel(/^Paths/)).toHaveValue('GET /v1\n/v2');

  const team = await api.team({ members: { [tess.email]: 'admin' } });
  await api.ok('PUT', `/admin/teams/${team.id}/services`, { allowed_services: [{ service: name, reason: 'A trial' }] });
  await page.reload();
  await expect(page.getByText(`Stays while 1 team uses it: proxies ask for it at /authz/${name}.`)).toBeVisible();
  await expect(page.getByRole('region', { name: 'Teams that may use it' })).toContainText('A trial');
  await page.getByRole('link', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`1 team loses it: ${team.name}`);
  await expect(dialog).toContainText('No key breaks');
  await dialog.getByRole('button', { name: 'Delete service' }).click();
  await expect(page.getByText(`Service ${name} was deleted.`)).toBeVisible();
  await expect(row(page, name)).toHaveCount(0);
  expect(await allowed(api, team)).toEqual({});
});

test('everyone of the organization reads the catalogue; only its admins change it', async ({ as, api }) => {
  const service = await addService(api, serviceName());
  for (const who of [max, auditor]) {
    const page = await as(who, '/admin/services?organization=acme');
    await expect(row(page, service.name)).toBeVisible();
    await expect(page.getByRole('link', { name: 'Add service' })).toHaveCount(0);
    await page.goto(`/admin/services/${service.id}`);
    await page.goto(`/admin/services/${service.name}`);
    await expect(page, 'a name leads to the one that has it').toHaveURL(new RegExp(`/admin/services/${service.id}$`));
    await expect(page.getByText('To change it, ask a super admin or organization admin.')).toBeVisible();
    await expect(page.getByRole('main').getByRole('button')).toHaveCount(0);
    await page.goto('/admin/services/new?organization=acme');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required for team management');
  }
});

test('a team admin allows a service with a reason, gives another, and stops it after a review', async ({ as, api, apiOf }) => {
  const service = await addService(api, serviceName());
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const project = await api.project(team, 'Nightly');
  const page = await as(tess, `/admin/teams/${team.id}/policy`);
  await expect(page.getByText('No service is allowed yet.')).toBeVisible();
  await expect(row(page, service.name)).toContainText('Not allowed');
  await row(page, service.name).getByRole('link', { name: 'Allow…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Opens it to 2 members and their keys');
  // No reason, no service.
  await dialog.getByLabel(/^Reason/).fill('   ');
  await dialog.getByRole('button', { name: 'Allow service' }).click();
  await expect(dialog.locator('#reason-error')).toContainText('must be 1 to 500 characters');
  expect(await allowed(api, team)).toEqual({});
  await dialog.getByLabel(/^Reason/).fill('The nightly build asks it');
  await dialog.getByRole('button', { name: 'Allow service' }).click();
  await expect(page.getByText(`${team.name} may use ${service.name}.`)).toBeVisible();
  await expect(row(page, service.name)).toContainText('The nightly build asks it');
  await expect(row(page, service.name)).toContainText(`by ${tess.email}`);

  await choose(page, team, service.name, 'Change reason…');
  await expect(dialog.getByLabel(/^Reason/)).toHaveValue('The nightly build asks it');
  await dialog.getByLabel(/^Reason/).fill('The release asks it');
  await dialog.getByRole('button', { name: 'Save reason' }).click();
  await expect(page.getByText(`The reason for ${service.name} was saved.`)).toBeVisible();
  expect(await allowed(api, team)).toEqual({ [service.name]: 'The release asks it' });

  await (await apiOf(tess)).ok('POST', `/admin/teams/${team.id}/projects/${project.id}/keys`, { name: 'robot' });
  await choose(page, team, service.name, 'Stop allowing…');
  await expect(dialog).toContainText(`Stop allowing ${service.name}?`);
  await expect(dialog).toContainText('2 members of');
  await expect(dialog).toContainText('1 key loses it');
  await expect(dialog).toContainText('1 project with keys that lose it');
  await expect(dialog.getByRole('list', { name: 'Keys that break' })).toContainText('robot');
  await expect(dialog.getByRole('list', { name: 'Keys that break' })).toContainText('Nightly');
  // Looking changes nothing.
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  expect(await allowed(api, team)).toEqual({ [service.name]: 'The release asks it' });
  await choose(page, team, service.name, 'Stop allowing…');
  await dialog.getByRole('button', { name: 'Stop allowing' }).click();
  await expect(page.getByText(`${team.name} may no longer use ${service.name}.`)).toBeVisible();
  expect(await allowed(api, team)).toEqual({});

  await page.goto(`/admin/teams/${team.id}`);
  await expect(page.getByText(`stopped allowing ${service.name}`)).toBeVisible();
});

test('a member sees what the team may use, and cannot change it', async ({ as, api }) => {
  const service = await addService(api, serviceName());
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  await api.ok('PUT', `/admin/teams/${team.id}/services`, {
    allowed_services: [{ service: service.name, reason: 'For all to see' }],
  });
  const page = await as(max, `/admin/teams/${team.id}/policy?stop=${service.id}`);
  await expect(row(page, service.name)).toContainText('For all to see');
  await expect(page.getByText('To change this, ask a super admin, organization admin or team admin.')).toBeVisible();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('link', { name: /^Allow…/ })).toHaveCount(0);
});

test('D10: the policies of the demo are those of the seed', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams/engineering/policy');
  for (const name of ['llm-service', 'auto-rater', 'cli-eval', 'atlas-al-oss-svc']) {
    await expect(row(page, name).getByText('Allowed', { exact: true })).toBeVisible();
  }
  await expect(row(page, 'analytics')).toContainText('Not allowed');
  await page.goto('/admin/teams/data-science/policy');
  await expect(row(page, 'analytics').getByText('Allowed', { exact: true })).toBeVisible();
  await expect(row(page, 'llm-service')).toContainText('Not allowed');
  await page.goto('/admin/teams/external-partner/policy');
  await expect(page.getByText('Allowed', { exact: true })).toHaveCount(2); // one row, and the column's head
});

/** The badge of a guide's step. */
const step = (page: Page, title: string) => page.locator('.guide__step').filter({ hasText: title });

test('the onboarding guide leads from the organization to the message, and knows what is done', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const project = await api.project(team, 'Onboarding');
  const page = await as(tess, `/admin/teams/${team.id}`);
  await page.getByRole('main').getByRole('link', { name: 'Guides' }).click();
  await page.getByRole('link', { name: 'New employee onboarding' }).click();
  await expect(page.getByLabel('Team', { exact: true })).toHaveValue(team.id);
  await page.getByLabel('Person').fill('not an address');
  await page.getByRole('button', { name: 'Show steps' }).click();
  await expect(page.locator('#user-error')).toContainText("must be a user's UUID or email address");
  await page.getByLabel('Person').fill('nobody@acme.example');
  await page.getByRole('button', { name: 'Show steps' }).click();
  await expect(step(page, 'Find nobody@acme.example')).toContainText('There is no account with this address yet.');
  await page.getByLabel('Person').fill(max.email);
  await page.getByRole('button', { name: 'Show steps' }).click();
  await expect(page.getByText('1 of 4 steps done')).toBeVisible();
  await expect(step(page, 'Find Max Member in Acme')).toContainText('Done');
  await expect(step(page, 'Add Max Member to')).toContainText('Next');
  await expect(step(page, 'Add Max Member to').getByRole('link', { name: 'Add the member' })).toHaveAttribute(
    'href',
    new RegExp(`^/admin/teams/${team.id}/members`),
  );
  await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: max.email });
  await page.reload();
  await expect(step(page, 'Add Max Member to')).toContainText('Max Member is a member of');
  await expect(step(page, 'Assign Max Member')).toContainText('Next');
  await expect(step(page, 'Assign Max Member').getByRole('link')).toHaveAttribute('href', `/admin/teams/${team.id}/projects`);
  await expect(step(page, 'Tell Max Member')).toContainText(`You are now in the team ${team.name}.`);
  await api.ok('PUT', `/admin/teams/${team.id}/projects/${project.id}/members/${max.email}`, { role: 'member' });
  await page.reload();
  await expect(step(page, 'Assign Max Member')).toContainText('Assigned to Onboarding.');
});

test('the guide for a new service shows where it stops', async ({ as, api }) => {
  const service = await addService(api, serviceName());
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/admin/guide/access?team=${team.id}&user=${max.email}`);
  await page.getByLabel('Service').selectOption(service.name);
  await page.getByRole('button', { name: 'Show steps' }).click();
  await expect(step(page, `Find ${service.name} in the catalogue`)).toContainText('Done');
  await step(page, `Allow ${service.name}`).getByRole('link', { name: 'Allow it' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Reason/).fill('Max asked for it');
  await dialog.getByRole('button', { name: 'Allow service' }).click();
  await page.goto(`/admin/guide/access?team=${team.id}&user=${max.email}&service=${service.name}`);
  await expect(step(page, `Allow ${service.name}`)).toContainText('Max asked for it');
  await expect(step(page, 'Make sure Max Member is in')).toContainText('Done');
  await page.getByLabel('Service').selectOption('one that is not listed');
  await page.getByRole('button', { name: 'Show steps' }).click();
  await expect(step(page, 'Find the service')).toContainText('To add it, ask a super admin or organization admin.');
});

test('the guide for leavers says what stops them, and what they have', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/admin/guide/leave?team=${team.id}&user=${tess.email}`);
  await expect(step(page, 'Remove Tess Lead')).toContainText('Blocked');
  await expect(step(page, 'Remove Tess Lead')).toContainText('Cannot remove last team admin');
  await page.getByLabel('Person').selectOption(max.email);
  await page.getByRole('button', { name: 'Show steps' }).click();
  await expect(page.getByRole('complementary', { name: 'What there is' })).toContainText('Member');
  await step(page, 'Remove Max Member').getByRole('link', { name: 'Review and remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove member' }).click();
  await expect(page.getByText(`${max.email} was removed.`)).toBeVisible();
  await page.goto(`/admin/guide/leave?team=${team.id}&user=${max.email}`);
  await expect(step(page, 'Remove Max Member')).toContainText('Done');
  await expect(page.getByLabel('Person')).toHaveValue(max.email);
});

test('the guide for a new team follows it from nothing', async ({ as, api }) => {
  const page = await as(superAdmin, '/admin/guide/new-team');
  await expect(page.getByText('0 of 6 steps done')).toBeVisible();
  await expect(step(page, 'Create the team').getByRole('link')).toHaveAttribute('href', '/admin/teams/new');
  const team = await api.team({ description: 'Builds and ships', members: { [tess.email]: 'admin', [max.email]: 'admin' } });
  await api.project(team, 'First');
  await page.goto(`/admin/guide/new-team?team=${team.id}`);
  await expect(page.getByText('4 of 6 steps done')).toBeVisible();
  await expect(step(page, 'Choose 2 or 3 admins')).toContainText('There are 2.');
  await expect(step(page, 'Add the members')).toContainText('2 members. 5 to 20 are easy to manage.');
});

test('guides are for those who manage something', async ({ as }) => {
  const page = await as(nora, '/admin/guide');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required for team management');
});

test('the overview says where a team does not follow good practice', async ({ as, api }) => {
  const team = await api.team({ name: undefined, members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/admin/teams/${team.id}`);
  const hints = page.locator('.callout').filter({ hasText: 'Good practice' });
  await expect(hints).toContainText('2 members: 5 to 20 are a good size for a team.');
  await expect(hints).toContainText('1 admin: with 2 or 3, one of them can be away.');
  await expect(hints).toContainText('Nobody has written down what the team is for.');
  const member = await as(max, `/admin/teams/${team.id}`);
  await expect(member.locator('.callout').filter({ hasText: 'Good practice' })).toHaveCount(0);
});
