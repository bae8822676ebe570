import { max, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const POLICY = { required_labels: ['linux'], optional_label_patterns: ['app-.*', 'db-.*'], max_runners: 5 };

test('the policy is saved and in force at once', async ({ as, api, apiOf }) => {
  const team = await api.team({ ...POLICY, members: { [max.email]: 'member' } });
  const page = await as(superAdmin, `/admin/teams/${team.id}/policy`);
  await expect(page.getByLabel(/^Required labels/)).toHaveValue('linux');
  await expect(page.getByLabel(/^Optional label patterns/)).toHaveValue('app-.*, db-.*');
  await page.getByLabel(/^Required labels/).fill('linux, docker');
  await page.getByLabel(/^Optional label patterns/).fill('size-(s|m)');
  await page.getByLabel(/^Max runners/).fill('');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Policy saved.')).toBeVisible();
  await expect(page.getByText('This team has no runner quota.')).toBeVisible();
  expect(await api.get(team)).toMatchObject({
    required_labels: ['linux', 'docker'],
    optional_label_patterns: ['size-(s|m)'],
    max_runners: null,
  });
  const own = await apiOf(max);
  const refused = await own.call('POST', '/runners/jit', { labels: ['app-x'], team_id: team.id });
  expect(refused).toMatchObject({ status: 403, body: { error_code: 'LABEL_NOT_PERMITTED' } });
  const made = await own.ok('POST', '/runners/jit', { labels: ['size-m'], team_id: team.id });
  expect(made.labels).toEqual(['self-hosted', 'linux', 'x64', 'docker', 'size-m']);
});

test('an invalid pattern is named, and what was typed stays', async ({ as, api }) => {
  const team = await api.team(POLICY);
  const page = await as(superAdmin, `/admin/teams/${team.id}/policy`);
  await page.getByLabel(/^Required labels/).fill('linux, extra');
  await page.getByLabel(/^Optional label patterns/).fill('app-.*, [a-');
  await page.getByLabel(/^Max runners/).fill('-1');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#optional_label_patterns-error')).toContainText("Invalid regex pattern '[a-'");
  await expect(page.locator('#max_runners-error')).toBeVisible();
  await expect(page.getByLabel(/^Required labels/)).toHaveValue('linux, extra');
  await expect(page.getByLabel(/^Optional label patterns/)).toHaveValue('app-.*, [a-');
  await expect(page.getByLabel(/^Max runners/)).toHaveValue('-1');
  expect(await api.get(team)).toMatchObject(POLICY);
});

test('a team admin may narrow the policy, not widen it', async ({ as, api }) => {
  const team = await api.team({ ...POLICY, members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/policy`);
  await expect(page.getByText('As a team admin you may narrow this')).toBeVisible();
  for (const [field, value] of [
    ['Max runners', '6'],
    ['Max runners', ''],
    ['Optional label patterns', 'app-.*, db-.*, gpu'],
    ['Required labels', ''],
  ] as const) {
    await page.goto(`/admin/teams/${team.id}/policy`);
    await page.getByLabel(new RegExp(`^${field}`)).fill(value);
    await page.getByRole('button', { name: 'Save Changes' }).click();
    const refusal = page.getByRole('alert');
    await expect(refusal, `${field}: ${value}`).toContainText('Insufficient permissions');
    await expect(refusal).toContainText('ask a super admin or organization admin');
    await expect(page.getByLabel(new RegExp(`^${field}`))).toHaveValue(value);
  }
  expect(await api.get(team)).toMatchObject(POLICY);

  await page.goto(`/admin/teams/${team.id}/policy`);
  await page.getByLabel(/^Required labels/).fill('linux, docker');
  await page.getByLabel(/^Optional label patterns/).fill('app-.*');
  await page.getByLabel(/^Max runners/).fill('4');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Policy saved.')).toBeVisible();
  expect(await api.get(team)).toMatchObject({
    required_labels: ['linux', 'docker'],
    optional_label_patterns: ['app-.*'],
    max_runners: 4,
  });
});

test('a member reads the policy, and may try labels', async ({ as, api }) => {
  const team = await api.team({ ...POLICY, members: { [max.email]: 'member' } });
  const page = await as(max, `/admin/teams/${team.id}/policy`);
  await expect(page.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
  await expect(page.getByText('To change the policy, ask a super admin or organization admin')).toBeVisible();
  await expect(page.getByRole('list', { name: 'Optional patterns' })).toContainText('app-.*');
});

test('labels are tried against the policy', async ({ as, api }, info) => {
  const team = await api.team({ ...POLICY, members: { [max.email]: 'member' } });
  const page = await as(superAdmin, `/admin/teams/${team.id}/policy`);
  const tester = page.getByRole('complementary', { name: 'Try labels' });
  const tries = async (labels: string) => {
    await tester.getByLabel('Labels to try').fill(labels);
    if (info.project.name === 'no-js') {
      await tester.getByRole('button', { name: 'Try' }).click();
      await expect(page).toHaveURL(/[?&]try=/);
    }
  };
  await expect(tester.getByRole('listitem')).toContainText(['self-hosted', 'linux', 'x64']);
  await tries('app-backend');
  await expect(tester.getByText('Allowed.')).toBeVisible();
  await expect(tester.getByRole('listitem')).toContainText(['self-hosted', 'linux', 'x64', 'app-backend']);
  await tries('app-backend, gpu');
  await expect(tester.getByText('Refused.')).toBeVisible();
  await expect(tester.getByRole('listitem')).toContainText(['app-backend', 'gpu (refused)']);
  // A pattern has to fit the whole label.
  await tries('my-app-backend');
  await expect(tester.getByText('Refused.')).toBeVisible();
  await tries('has space');
  await expect(tester.getByText("label 'has space' must be")).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`^${origin()}/admin/teams/${team.id}/policy`));
});

test('b30: runner groups are set by those who may widen the policy, and shown to all', async ({ as, api }) => {
  const team = await api.team({ ...POLICY, members: { [tess.email]: 'admin' } });
  const groups = async () => (await api.ok('GET', `/admin/teams/${team.id}`)).runner_group_ids;
  const page = await as(superAdmin, `/admin/teams/${team.id}`);
  const fact = page.getByRole('region', { name: 'Facts' }).locator('div').filter({ hasText: /^Runner groups/ });
  await expect(fact.last()).toContainText('the default group');
  await page.goto(`/admin/teams/${team.id}/policy`);
  const field = page.getByLabel(/^Runner groups/);
  await field.fill('1, seven');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#runner_group_ids-error')).toContainText('must be positive numbers, separated by commas');
  await expect(field).toHaveValue('1, seven');
  await field.fill('7, 0');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#runner_group_ids-error')).toContainText('positive numbers');
  expect(await groups()).toEqual([]);
  await field.fill('7, 1');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Policy saved.')).toBeVisible();
  await expect(field).toHaveValue('7, 1');
  expect(await groups()).toEqual([7, 1]);
  await page.goto(`/admin/teams/${team.id}`);
  await expect(fact.last()).toContainText('7, 1');

  // A team admin has no such field, and saving the rest leaves the groups.
  const lead = await as(tess, `/admin/teams/${team.id}/policy`);
  await expect(lead.getByLabel(/^Runner groups/)).toHaveCount(0);
  await lead.getByLabel(/^Max runners/).fill('4');
  await lead.getByRole('button', { name: 'Save Changes' }).click();
  await expect(lead.getByText('Policy saved.')).toBeVisible();
  expect(await groups()).toEqual([7, 1]);
});
