// What everybody has: teams, runners, tokens.
import { unique } from './support/api';
import { audrey, dana, max, superAdmin, tess } from './support/people';
import { expect, makeToken, test } from './support/test';
import { origin } from './support/watch';

const me = (token: string) =>
  fetch(`${origin()}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } });

test('my teams: what I am in them, and the way to a runner', async ({ as, api }) => {
  const team = await api.team({ max_runners: 3, members: { [dana.email]: 'admin' } });
  const page = await as(dana, '/teams');
  const row = page.getByRole('row').filter({ hasText: team.name });
  await expect(row).toContainText('Team admin');
  await expect(row).toContainText('0 / 3');
  await row.getByRole('link', { name: /^Provision/ }).click();
  await expect(page).toHaveURL(`${origin()}/provision?team=${team.id}`);
  await expect(page.locator('#content').getByLabel(/^Team/).locator('option:checked')).toHaveText(team.name);
});

test('runners: my own and my teams’, nobody else’s', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [max.email]: 'member', [tess.email]: 'admin' } });
  const runner = await (await apiOf(max)).ok('POST', '/runners/jit', { runner_name_prefix: 'mine', team_id: team.id });
  for (const who of [max, tess, superAdmin]) {
    // A super admin is in no team, and sees them all elsewhere.
    const page = await as(who, who === superAdmin ? '/admin/runners' : '/runners');
    const row = page.getByRole('row').filter({ hasText: runner.runner_name });
    await expect(row, who.email).toContainText(team.name);
    // GitHub knows nothing of it until it is started.
    await expect(row).toContainText('Pending');
    await page.close();
  }
  const other = await as(dana, '/runners');
  await expect(other.getByText(runner.runner_name)).toHaveCount(0);
});

test('a token is shown once, works, and is refused once revoked', async ({ as }) => {
  const name = unique('laptop');
  const page = await as(max, '/tokens');
  await page.getByLabel('Expires').selectOption('7');
  const token = await makeToken(page, name);
  await expect(page.getByText('Copy this token now')).toBeVisible();
  const answer = await me(token);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ email: max.email });

  await page.reload();
  expect(await page.content()).not.toContain(token);
  const row = page.getByRole('row').filter({ hasText: name });
  await expect(row).toContainText(token.slice(0, 8));
  const week = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  await expect(row.locator(`time[datetime^="${week}"]`)).toBeVisible();

  await row.getByRole('link', { name: `Revoke ${name}` }).click();
  await expect(page.getByRole('dialog')).toContainText(`Revoke ${name}?`);
  await page.getByRole('dialog').getByRole('link', { name: 'Cancel' }).click();
  expect((await me(token)).status).toBe(200);
  await row.getByRole('link', { name: `Revoke ${name}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke token' }).click();
  await expect(page.getByText('The token was revoked.')).toBeVisible();
  await expect(row).toHaveCount(0);
  const refused = await me(token);
  expect(refused.status).toBe(401);
  expect(await refused.json()).toMatchObject({ error_code: 'INVALID_TOKEN' });
});

test('the token of the page before is not shown to the next one', async ({ as }) => {
  const page = await as(dana, '/tokens');
  const token = await makeToken(page, unique('first'));
  await page.goto('/teams');
  await page.goBack();
  // The browser may show the page as it was; the server does not.
  await page.goto('/tokens');
  expect(await page.content()).not.toContain(token);
});

test('a token needs a name', async ({ as }) => {
  const page = await as(dana, '/tokens');
  await page.getByLabel(/^Name/).fill('   ');
  await page.getByLabel('Expires').selectOption('365');
  await page.getByRole('button', { name: 'Create token' }).click();
  await expect(page.locator('#name-error')).toBeVisible();
  await expect(page.getByLabel('Expires')).toHaveValue('365');
  await expect(page.locator('#new-token-text')).toHaveCount(0);
});

test('an auditor sees and changes nothing', async ({ as, api }) => {
  const team = await api.team({ max_runners: 2, members: { [max.email]: 'member' } });
  const page = await as(audrey, `/admin/teams?q=${encodeURIComponent(team.name)}`);
  await page.getByRole('rowheader').getByRole('link', { name: team.name }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(team.name);
  await page.goto(`/admin/teams/${team.id}/members`);
  await expect(page.getByRole('row').filter({ hasText: max.email })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add Member' })).toHaveCount(0);
  for (const tab of ['policy', 'settings']) {
    await page.goto(`/admin/teams/${team.id}/${tab}`);
    await expect(page.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
  }
});
