// The life of a runner as people meet it: the list, its page, deprovisioning, and a full quota.
import { unique } from './support/api';
import { machine } from './support/github';
import { dana, max, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const named = (prefix: string) => unique(prefix).replace(/ /g, '-');

test('runners: found, looked at, deprovisioned with a reason', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [max.email]: 'member', [tess.email]: 'admin' } });
  const own = await apiOf(max);
  const names = [named('alpha'), named('beta'), named('gamma')] as const;
  for (const runner_name of names) await own.ok('POST', '/runners/jit', { runner_name, team_id: team.id });
  const page = await as(max, `/runners?team=${team.id}`);
  await expect(page.getByText('3 runners')).toBeVisible();
  // B28.
  await expect(page.getByRole('columnheader')).toHaveText([
    'Select',
    'Name',
    'Status',
    'Labels',
    'Team',
    'Provisioned By',
    'Created',
    'Actions',
  ]);
  await page.getByLabel('Search runners').fill(names[1]);
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page).toHaveURL(new RegExp(`q=${names[1]}`));
  await expect(page.getByText('1 runner', { exact: true })).toBeVisible();

  await page.getByRole('link', { name: names[1] }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(names[1]);
  await expect(page.getByText(`${max.email} provisioned it`)).toBeVisible();
  await expect(page.getByText('Created, waiting to be started'), 'one act is told once').toHaveCount(0);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await expect(page.getByText(`Runner ${names[1]} is pending, GitHub says.`)).toBeVisible();

  await page.goto(`/runners?team=${team.id}`);
  for (const name of [names[0], names[2]]) await page.getByLabel(`Select ${name}`).check();
  await page.getByRole('button', { name: 'Deprovision selected…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Deprovision 2 runners?');
  await dialog.getByLabel(/^Reason/).fill('   ');
  await dialog.getByRole('button', { name: 'Deprovision' }).click();
  await expect(dialog.getByLabel(/^Reason/), 'the question is asked again').toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel(/^Reason/).fill('No more builds today');
  await dialog.getByRole('button', { name: 'Deprovision' }).click();
  await expect(page.getByText('2 runners deprovisioned.')).toBeVisible();
  await expect(page.getByText('1 runner', { exact: true })).toBeVisible();

  await page.goto(`/runners?team=${team.id}&status=deleted`);
  await page.getByRole('link', { name: names[0] }).click();
  await expect(page.getByText(`${max.email} deprovisioned it`)).toBeVisible();
  await expect(page.getByText('No more builds today').first()).toBeVisible();
  await expect(page.getByRole('link', { name: 'Deprovision…' })).toHaveCount(0);
});

test('all runners: an admin sees them, another member does not', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const runner_name = named('seen');
  const runner = await (await apiOf(max)).ok('POST', '/runners/jit', { runner_name, team_id: team.id });
  const page = await as(superAdmin, `/admin/runners?q=${runner_name}`);
  await expect(page.getByRole('row').filter({ hasText: runner_name })).toContainText(max.email);
  await page.goto(`/admin/teams/${team.id}`);
  await page.getByRole('link', { name: 'All runners' }).last().click();
  await expect(page).toHaveURL(`${origin()}/runners?team=${team.id}`);
  await expect(page.getByRole('link', { name: runner_name })).toBeVisible();
  const other = await as(dana, `/runners/${runner.runner_id}`);
  await expect(other.getByText('not found or not owned by you')).toBeVisible();
});

test('a full quota says who holds it, and cleaning up comes back to the form', async ({ as, api, apiOf }) => {
  const team = await api.team({ max_runners: 1, members: { [max.email]: 'member', [tess.email]: 'member' } });
  const runner_name = named('holder');
  await (await apiOf(tess)).ok('POST', '/runners/jit', { runner_name, team_id: team.id });
  const page = await as(max, `/provision?team=${team.id}`);
  await page.getByLabel(/^Runner name prefix/).fill('mine');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByText('Team quota exceeded', { exact: true })).toBeVisible();
  const holders = page.getByRole('table', { name: 'Who holds the team\'s quota' });
  await expect(holders.getByRole('row').filter({ hasText: runner_name })).toContainText(tess.email);
  await expect(page.getByText('None of them is idle or offline and yours to remove.')).toBeVisible();
  await expect(page.getByLabel(/^Runner name prefix/)).toHaveValue('mine');
});

test('b14: idle runners are removed at the refusal, after a question with their number, and the form is as it was', async ({ as, api, apiOf }) => {
  const team = await api.team({ max_runners: 2, optional_label_patterns: ['app-.*'], members: { [max.email]: 'member' } });
  const own = await apiOf(max);
  for (const runner_name of [named('idle'), named('idle')]) {
    const { runner_id } = await own.ok('POST', '/runners/jit', { runner_name, team_id: team.id });
    await machine(runner_name, 'PATCH', '', { status: 'online' });
    await own.ok('POST', `/runners/${runner_id}/refresh`);
  }
  const page = await as(max, `/provision?team=${team.id}`);
  await page.getByLabel(/^Runner name prefix/).fill('mine');
  await page.getByLabel(/^Custom labels/).fill('app-x');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  const refusal = page.getByRole('alert').filter({ hasText: 'Team quota exceeded' });
  await expect(refusal).toContainText('to raise the quota ask a super admin or organization admin');
  await page.getByRole('link', { name: 'Remove idle/offline runners' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Remove 2 idle or offline runners?');
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  expect(await api.runners(team)).toHaveLength(2);
  await expect(page.getByLabel(/^Runner name prefix/)).toHaveValue('mine');
  await expect(page.getByLabel(/^Custom labels/)).toHaveValue('app-x');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await page.getByRole('link', { name: 'Remove idle/offline runners' }).click();
  await dialog.getByRole('button', { name: 'Remove idle/offline runners' }).click();
  await expect(page.getByText('2 runners deprovisioned.')).toBeVisible();
  expect(await api.runners(team)).toHaveLength(0);
  await expect(page.getByLabel(/^Runner name prefix/)).toHaveValue('mine');
  await expect(page.getByLabel(/^Custom labels/)).toHaveValue('app-x');
  await expect(page.locator('#content').getByLabel(/^Team/)).toHaveValue(team.id);
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('heading', { level: 1, name: /^Runner ready: mine-/ })).toBeVisible();
});
