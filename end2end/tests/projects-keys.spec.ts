// A project's members and API keys, on its page and on /keys.
import type { Page } from '@playwright/test';
import { type Api, type Team } from './support/api';
import { type Person, audrey, dana, max, nora, orgAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const people = (page: Page) => page.getByRole('table', { name: 'Project members' });
const keys = (page: Page) => page.getByRole('table', { name: 'API keys' });
const row = (table: ReturnType<Page['getByRole']>, text: string) => table.getByRole('row').filter({ hasText: text });

async function choose(line: ReturnType<typeof row>, item: string) {
  // The message of the request before may lie over the row; without JavaScript it stays.
  const dismiss = line.page().getByRole('link', { name: 'Dismiss' });
  if (await dismiss.isVisible()) await dismiss.click();
  await line.getByLabel(/^Actions for/).click();
  await line.locator('.menu__item', { hasText: item }).click();
}

interface Project {
  id: string;
  team: Team;
  /** Its page. */
  path: string;
  /** Its address in the API. */
  api: string;
}

/** A project in a team where Tess is admin and Max and Dana are members. */
async function makeProject(api: Api, members: Record<string, 'admin' | 'member'> = {}): Promise<Project> {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member', [dana.email]: 'member' } });
  const { id } = await api.project(team, 'LLM API');
  const address = `/admin/teams/${team.id}/projects/${id}`;
  for (const [email, role] of Object.entries(members)) await api.ok('PUT', `${address}/members/${email}`, { role });
  return { id, team, path: address, api: address };
}

const keysOf = async (api: Api, project: Project) => (await api.ok('GET', `${project.api}/keys`)).keys;

/** Creates a key on the project's page; returns its secret. */
async function createKey(page: Page, name: string): Promise<string> {
  await page.getByLabel(/^Name/).fill(name);
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByText(`Key ${name} was created.`)).toBeVisible();
  return shown(page);
}

async function shown(page: Page): Promise<string> {
  const secret = ((await page.locator('#new-key').textContent()) ?? '').trim();
  expect(secret).toMatch(/^sk-[A-Za-z0-9_-]{43}$/);
  return secret;
}

test('people of the team are assigned, change roles and are taken out', async ({ as, api, apiOf }) => {
  const project = await makeProject(api);
  const page = await as(tess, `/admin/teams/${project.team.id}/projects`);
  await page.getByRole('rowheader').getByRole('link', { name: 'LLM API' }).click();
  await expect(page).toHaveURL(`${origin()}${project.path}`);
  await expect(row(people(page), tess.email)).toContainText('Team admin');

  const candidates = page.getByLabel('Team member').locator('option:not([value=""])');
  await expect(candidates).toHaveCount(3);
  // Somebody who left meanwhile.
  await api.ok('POST', `/admin/teams/${project.team.id}/members`, { user_id: nora.email });
  await page.reload();
  await page.getByLabel('Team member').selectOption(nora.email);
  await api.call('DELETE', `/admin/teams/${project.team.id}/members/${nora.email}`);
  await page.getByLabel('Role').selectOption('admin');
  await page.getByRole('button', { name: 'Assign' }).click();
  await expect(page.getByRole('alert')).toContainText('User is not a member of this team');
  await expect(page.getByLabel('Team member')).toHaveValue(nora.email);
  await expect(page.getByLabel('Role')).toHaveValue('admin');

  await page.getByLabel('Team member').selectOption(max.email);
  await page.getByLabel('Role').selectOption('member');
  await page.getByRole('button', { name: 'Assign' }).click();
  await expect(page.getByText(`${max.email} is now a member of the project.`)).toBeVisible();
  await expect(row(people(page), max.email)).toContainText('Member');
  await expect(candidates).toHaveCount(2);
  await choose(row(people(page), max.email), 'Make project admin');
  await expect(page.getByText(`${max.email} is now an admin of the project.`)).toBeVisible();
  await expect(row(people(page), max.email)).toContainText('Project admin');

  // As its admin, Max assigns and makes keys, and does not delete the project.
  const own = await as(max, project.path);
  await expect(own.getByRole('button', { name: 'Assign' })).toBeVisible();
  await expect(own.getByText('Danger zone')).toHaveCount(0);
  await expect(own.getByRole('link', { name: 'Edit', exact: true })).toHaveCount(0);
  await (await apiOf(max)).ok('POST', `${project.api}/keys`, { name: 'mine' });

  await choose(row(people(page), max.email), 'Remove…');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText(`Remove ${max.email} from LLM API?`);
  await expect(dialog).toContainText('Revokes 1 key');
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  expect(await keysOf(api, project)).toHaveLength(1);
  await choose(row(people(page), max.email), 'Remove…');
  await page.getByRole('dialog').getByRole('button', { name: 'Remove from project' }).click();
  await expect(page.getByText(`${max.email} was removed from the project.`)).toBeVisible();
  await expect(row(people(page), max.email)).toHaveCount(0);
  expect(await keysOf(api, project)).toEqual([]);
  expect((await own.goto(project.path))?.status()).toBe(404);
});

test('a member leaves a project', async ({ as, api }) => {
  const project = await makeProject(api, { [max.email]: 'member' });
  const page = await as(max, project.path);
  await expect(row(people(page), tess.email).getByLabel(/^Actions/)).toHaveCount(0);
  await choose(row(people(page), max.email), 'Leave project…');
  await expect(page.getByRole('dialog')).toContainText('Leave LLM API?');
  await page.getByRole('dialog').getByRole('button', { name: 'Leave project' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${project.team.id}/projects`);
  await expect(page.getByText(`${max.email} was removed from the project.`)).toBeVisible();
});

test('a key is shown once, rotated with an overlap, and revoked', async ({ as, api }) => {
  const project = await makeProject(api, { [max.email]: 'member', [dana.email]: 'member' });
  const page = await as(max, project.path);
  await expect(page.getByRole('heading', { name: 'No keys yet' })).toBeVisible();
  await expect(page.getByLabel(/^Owner/)).toHaveCount(0);
  await page.getByLabel('Expires').selectOption('30');
  const secret = await createKey(page, 'nightly');
  await expect(page.locator('#new-key-call')).toContainText(`curl -H 'Authorization: Bearer ${secret}' ${origin()}/authz/`);
  await page.reload();
  expect(await page.content()).not.toContain(secret.slice(11));
  const line = row(keys(page), 'nightly');
  await expect(line).toContainText(`${secret.slice(0, 11)}…`);
  await expect(line).toContainText('Active');
  const month = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  await expect(line.locator(`time[datetime^="${month}"]`)).toBeVisible();

  await page.getByLabel(/^Name/).fill('Nightly');
  await page.getByLabel('Expires').selectOption('never');
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByRole('alert')).toContainText("Key 'Nightly' already exists in this project");
  await expect(page.getByLabel(/^Name/)).toHaveValue('Nightly');
  await expect(page.getByLabel('Expires')).toHaveValue('never');

  await choose(line, 'Rotate…');
  await expect(page.getByRole('dialog')).toContainText('Rotate nightly?');
  await page.getByRole('dialog').getByLabel('The old key works for').selectOption('3600');
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate key' }).click();
  await expect(page.getByText('Key nightly was rotated.')).toBeVisible();
  const second = await shown(page);
  expect(second).not.toBe(secret);
  const old = row(keys(page), secret.slice(0, 11));
  await expect(old).toContainText('Replaced');
  await expect(old).toContainText('works until');
  await old.getByLabel(/^Actions for/).click();
  await expect(old.locator('.menu__item')).toHaveText(['Revoke…']);
  const states = (await keysOf(api, project)).map((key: { state: string }) => key.state);
  expect(states).toEqual(['active', 'replaced']);

  // Dana, who is a member too, sees none of it.
  const other = await as(dana, project.path);
  await expect(other.getByText('nightly', { exact: true })).toHaveCount(0);

  await page.goto('/keys');
  const mine = page.getByRole('table', { name: 'My API keys' });
  await expect(row(mine, second.slice(0, 11))).toContainText(project.team.name);
  await choose(row(mine, second.slice(0, 11)), 'Revoke…');
  await expect(page.getByRole('dialog')).toContainText('Revoke nightly?');
  await expect(page.getByRole('dialog')).toContainText('Never used so far');
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke key' }).click();
  await expect(page.getByText('Key nightly was revoked.')).toBeVisible();
  await expect(page).toHaveURL(`${origin()}/keys`);
  await expect(row(mine, second.slice(0, 11))).toHaveCount(0);
  await expect(row(mine, secret.slice(0, 11))).toHaveCount(1);
});

test('my keys: an empty list says how to get one', async ({ as }) => {
  const page = await as(nora, '/teams');
  await page.getByRole('link', { name: 'API keys' }).click();
  await expect(page.getByRole('heading', { name: 'You have no API keys' })).toBeVisible();
  await expect(page.getByText('ask a team admin')).toBeVisible();
});

test('admins make keys for others, and for nobody above them', async ({ as, api }) => {
  const project = await makeProject(api, { [max.email]: 'admin', [dana.email]: 'member' });
  const page = await as(max, project.path);
  await page.getByLabel(/^Owner/).selectOption(dana.email);
  await createKey(page, 'for dana');
  await expect(row(keys(page), 'for dana')).toContainText(dana.email);
  await page.getByLabel(/^Name/).fill('for tess');
  await page.getByLabel(/^Owner/).selectOption(tess.email);
  await page.getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByRole('alert')).toContainText('Insufficient permissions');
  await expect(page.getByLabel(/^Owner/)).toHaveValue(tess.email);

  const above = await as(orgAdmin, project.path);
  await expect(above.getByLabel(/^Owner/)).toHaveAttribute('required', '');
  const looking = await as(audrey, project.path);
  await expect(row(keys(looking), 'for dana')).toBeVisible();
  await expect(looking.getByRole('button', { name: /Create key|Assign/ })).toHaveCount(0);
  await expect(looking.getByLabel(/^Actions for/)).toHaveCount(0);
});

test('deleting a project counts what goes, and wants its name when it has keys', async ({ as, api, apiOf }) => {
  const project = await makeProject(api, { [max.email]: 'member', [dana.email]: 'admin' });
  const own: Record<string, Person> = { one: max, two: dana };
  for (const [name, who] of Object.entries(own)) await (await apiOf(who)).ok('POST', `${project.api}/keys`, { name });
  await (await apiOf(max)).ok('POST', '/runners/jit', { team_id: project.team.id, project_id: project.id });
  const page = await as(tess, project.path);
  await page.getByRole('link', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Removes 2 project roles');
  await expect(dialog).toContainText('Revokes 2 keys');
  await expect(dialog).toContainText('Leaves 1 runner with the team');
  await dialog.getByLabel(/^Type LLM API/).fill('LLM');
  await dialog.getByRole('button', { name: 'Delete project' }).click();
  await expect(page.locator('#confirmation-error')).toHaveText('must be LLM API');
  await expect(dialog.getByLabel(/^Type LLM API/)).toHaveValue('LLM');
  expect(await api.projects(project.team)).toHaveLength(1);
  expect(await keysOf(api, project)).toHaveLength(2);
  await dialog.getByLabel(/^Type LLM API/).fill('LLM API');
  await dialog.getByRole('button', { name: 'Delete project' }).click();
  await expect(page.getByText('Project LLM API was deleted.')).toBeVisible();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${project.team.id}/projects`);
  expect(await api.projects(project.team)).toEqual([]);
  expect(await api.runners(project.team)).toHaveLength(1);
});

test('a project is edited on its page', async ({ as, api }) => {
  const project = await makeProject(api);
  const page = await as(tess, project.path);
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  await page.getByLabel(/^Name/).fill('L'.repeat(200));
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#name-error')).toContainText('must be');
  await expect(page.getByLabel(/^Name/)).toHaveValue('L'.repeat(200));
  await page.getByLabel(/^Name/).fill('Gateway');
  await page.getByLabel(/^Description/).fill('To the models');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Project Gateway was saved.')).toBeVisible();
  await expect(page).toHaveURL(`${origin()}${project.path}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Gateway');
});

test('whoever is not assigned does not learn of a project', async ({ as, api }) => {
  const project = await makeProject(api);
  const page = await as(max, `/admin/teams/${project.team.id}/projects`);
  const answer = await page.goto(project.path);
  expect(answer?.status()).toBe(404);
  await expect(page.getByText('LLM API')).toHaveCount(0);
});

test('a key for a service begins at the list of keys, which leads to its project', async ({ as, api }) => {
  const project = await makeProject(api, { [max.email]: 'member' });
  const page = await as(max, '/keys');
  await page.getByRole('main').getByRole('link', { name: 'Key for a service' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Key for a service' })).toBeVisible();
  const line = page.getByRole('main').getByRole('listitem').filter({ hasText: project.team.name });
  await line.getByRole('link', { name: 'LLM API' }).click();
  await expect(page).toHaveURL(new RegExp(`${project.path}#keys$`));
  await expect(page.getByRole('button', { name: 'Create key' })).toBeVisible();
  // Nobody else's project is listed, and whoever has none reads what to do.
  const other = await as(nora, '/keys/services');
  await expect(other.getByRole('heading', { name: 'You are assigned to no project' })).toBeVisible();
});
