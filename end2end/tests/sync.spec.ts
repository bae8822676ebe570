// The sync with GitHub: a runner followed through its life, drift, and who sees what (SPEC B21, B22).
import type { Page } from '@playwright/test';
import { type Api, unique } from './support/api';
import { machine } from './support/github';
import { hire, max, olga, superAdmin } from './support/people';
import { signIn } from './support/sign-in';
import { expect, test } from './support/test';

interface Runner {
  runner_id: string;
  runner_name: string;
}

/** A runner of Max's, for a team of its own. */
async function provision(api: Api, own: Api): Promise<Runner> {
  const team = await api.team({ name: unique('Sync'), members: { [max.email]: 'member' } });
  return own.ok('POST', '/runners/jit', { team_id: team.id });
}

/** Waits for what the sync makes of a runner; the demo's passes are seconds apart. */
async function becomes(api: Api, runner: Runner, state: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const found = await api.ok('GET', `/runners/${runner.runner_id}`);
        return `${found.status}${found.busy ? ' busy' : ''}`;
      },
      { timeout: 20_000 },
    )
    .toBe(state);
}

async function syncNow(page: Page): Promise<void> {
  await page.goto('/admin/sync');
  await page.getByRole('button', { name: 'Sync now' }).click();
  await expect(page.getByText('A pass was asked for.')).toBeVisible();
}

test('a runner is seen pending, active, busy and gone', async ({ as, api, apiOf }) => {
  const runner = await provision(api, await apiOf(max));
  await becomes(api, runner, 'pending');
  await machine(runner.runner_name, 'PATCH', '', { status: 'online' });
  const page = await as(superAdmin);
  await syncNow(page);
  await becomes(api, runner, 'active');
  await machine(runner.runner_name, 'POST', '/job', {});
  await becomes(api, runner, 'active busy');
  await machine(runner.runner_name, 'DELETE', '/job');
  await becomes(api, runner, 'deleted');
  await page.goto('/admin/sync');
  await expect(page.getByRole('heading', { name: 'GitHub runners' })).toContainText('Running');
  const asked = page.getByRole('row').filter({ hasText: `asked for by ${superAdmin.email}` });
  await page.getByRole('navigation', { name: 'Passes' }).getByRole('link', { name: 'With changes or errors' }).click();
  await expect(page).toHaveURL(/\/admin\/sync\?passes=notable$/);
  // Of all passes, one a second here, the one that was asked for may be on the next page by now.
  await expect(asked.filter({ hasText: /Completed|No changes/ }).first()).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: 'No changes' }).filter({ hasNotText: 'asked for by' })).toHaveCount(0);
});

test('a runner whose labels drift is shown while it is busy, and removed when it is idle', async ({ as, api, apiOf }) => {
  const runner = await provision(api, await apiOf(max));
  await machine(runner.runner_name, 'PATCH', '', { status: 'online' });
  await becomes(api, runner, 'active');
  await machine(runner.runner_name, 'PATCH', '', { busy: true, labels: ['self-hosted', 'production'] });
  await becomes(api, runner, 'active busy');
  const page = await as(superAdmin, '/admin/sync');
  const row = page.getByRole('row').filter({ hasText: runner.runner_name });
  // The pass sees that it is busy first, and then that it drifted.
  await expect(async () => {
    await page.reload();
    await expect(row).toContainText('Labels drifted while it runs a job', { timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await expect(row).toContainText('production');
  await machine(runner.runner_name, 'PATCH', '', { busy: false });
  await becomes(api, runner, 'deleted');
  await page.reload();
  await expect(row).toHaveCount(0);
});

test('auditors of the installation look, org_admins do not', async ({ as, anyone, api }) => {
  const person = await hire(unique('Ines Inspector'));
  await api.ok('POST', '/admin/users', { email: person.email, display_name: person.name, is_auditor: true });
  const auditor = await anyone();
  await signIn(auditor, person, '/admin/sync');
  await expect(auditor.getByRole('link', { name: 'Sync', exact: true })).toHaveAttribute('aria-current', 'page');
  await expect(auditor.getByRole('heading', { name: 'History' })).toBeVisible();
  await expect(auditor.getByRole('button', { name: 'Sync now' })).toHaveCount(0);
  const owner = await as(olga, '/admin/sync');
  await expect(owner.getByRole('heading', { name: 'Admin privileges required' })).toBeVisible();
  await expect(owner.getByRole('link', { name: 'Sync', exact: true })).toHaveCount(0);
});
