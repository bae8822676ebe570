// What needs an operator (SPEC C16): the page, its notice on the dashboard, and who sees them.
import { type Api, unique } from './support/api';
import { machine } from './support/github';
import { hire, max, olga, superAdmin } from './support/people';
import { signIn } from './support/sign-in';
import { expect, test } from './support/test';

/** A runner of Max's that works with a label that it should not have. */
async function drifted(api: Api, own: Api): Promise<string> {
  const team = await api.team({ name: unique('Watched'), members: { [max.email]: 'member' } });
  const runner = await own.ok('POST', '/runners/jit', { team_id: team.id });
  await machine(runner.runner_name, 'PATCH', '', { status: 'online', busy: true, labels: ['self-hosted', 'production'] });
  return runner.runner_name;
}

/** What the API says of wrong labels; other tests may have such runners at the same time. */
async function wrongLabels(api: Api): Promise<number> {
  const { alerts } = await api.ok('GET', '/admin/alerts');
  return alerts.find((alert: { kind: string }) => alert.kind === 'runner_findings')?.count ?? 0;
}

test('c16 an alert says what it means, leads to where it is mended, and goes when it is', async ({ as, api, apiOf }) => {
  const runner = await drifted(api, await apiOf(max));
  const page = await as(superAdmin, '/admin/sync');
  const finding = page.getByRole('row').filter({ hasText: runner });
  await expect(async () => {
    await page.reload();
    await expect(finding).toHaveCount(1, { timeout: 500 });
  }).toPass({ timeout: 20_000 });
  expect(await wrongLabels(api)).toBeGreaterThan(0);

  await page.goto('/admin/dashboard');
  await page.getByRole('link', { name: 'All alerts' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Alerts');
  await expect(page.getByRole('link', { name: 'Alerts', exact: true })).toHaveAttribute('aria-current', 'page');
  const alert = page.getByRole('listitem').filter({ hasText: /runners? ha(s|ve) wrong labels/ });
  await expect(alert).toContainText('Such a runner takes jobs that its team may have no right to.');
  await expect(alert).toContainText('Began');
  await alert.getByRole('link', { name: /^Open the sync/ }).click();
  await expect(page).toHaveURL(/\/admin\/sync$/);
  await expect(finding).toContainText('production');

  await machine(runner, 'PATCH', '', { busy: false });
  await expect(async () => {
    await page.reload();
    await expect(finding).toHaveCount(0, { timeout: 500 });
  }).toPass({ timeout: 20_000 });
});

test('c16 auditors of the installation see the alerts, org_admins do not', async ({ as, anyone, api }) => {
  const person = await hire(unique('Iris Inspector'));
  await api.ok('POST', '/admin/users', { email: person.email, display_name: person.name, is_auditor: true });
  const auditor = await anyone();
  await signIn(auditor, person, '/admin/alerts');
  await expect(auditor.getByRole('heading', { level: 1 })).toHaveText('Alerts');
  await expect(auditor.getByRole('table', { name: 'What makes an alert' }).getByRole('row')).toHaveCount(11);
  const owner = await as(olga);
  const answer = await owner.goto('/admin/alerts');
  expect(answer?.status()).toBe(403);
  await expect(owner.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required');
  await owner.goto('/admin/dashboard');
  await expect(owner.getByRole('link', { name: 'Alerts', exact: true })).toHaveCount(0);
});
