// The goal, from end to end: a team is made in the browser, a member joins, and provisions runners through the dropdown,
// within the team's policy and quota.
import { unique } from './support/api';
import { dana, max, pat, stranger, superAdmin } from './support/people';
import { signIn, signOut } from './support/sign-in';
import { expect, test } from './support/test';
import { origin } from './support/watch';

test('a team from its creation to its last runner', async ({ anyone, api }, info) => {
  test.slow();
  const name = unique('Checkout');
  const page = await anyone();

  await test.step('a super admin creates the team', async () => {
    await signIn(page, superAdmin, '/admin/teams');
    await page.getByRole('link', { name: 'Create Team' }).click();
    await page.getByLabel(/^Name/).fill(name);
    await page.getByLabel(/^Description/).fill('Takes the money.');
    await page.getByLabel('Organization').selectOption({ label: 'Acme' });
    await page.getByLabel(/^Required labels/).fill('linux, docker');
    await page.getByLabel(/^Optional label patterns/).fill('backend-.*, service-.*');
    await page.getByLabel(/^Max runners/).fill('2');
    await page.getByRole('button', { name: 'Create Team' }).click();
    await expect(page.getByText(`Team ${name} was created.`)).toBeVisible();
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
    await expect(page.locator('.usage__value').filter({ hasText: 'of 2' }).first()).toHaveText('0 of 2');
  });

  const id = new URL(page.url()).pathname.split('/').pop() ?? '';
  const team = await api.get({ id });
  expect(team).toMatchObject({
    name,
    required_labels: ['linux', 'docker'],
    optional_label_patterns: ['backend-.*', 'service-.*'],
    max_runners: 2,
    member_count: 1,
    runner_count: 0,
  });

  await test.step('and adds a member by email', async () => {
    await page.getByRole('navigation', { name: 'Team' }).getByRole('link', { name: 'Members' }).click();
    await page.getByLabel('Email or user id').fill(dana.email);
    await page.getByRole('button', { name: 'Add Member' }).click();
    await expect(page.getByText(`${dana.email} is now a member of the team.`)).toBeVisible();
    await expect(page.getByRole('row').filter({ hasText: dana.email })).toContainText('Member');
    expect((await api.members(team)).map((member) => member.email)).toContain(dana.email);
    await signOut(page);
  });

  await test.step('the member chooses the team and gets a runner', async () => {
    await signIn(page, dana, '/provision');
    // B28.
    await expect(page.getByText('valid for 1 hour and will only be shown once')).toBeVisible();
    await page.locator('#content').getByLabel(/^Team/).selectOption({ label: name });
    await page.getByLabel(/^Runner name prefix/).fill('checkout');
    await page.getByLabel(/^Custom labels/).fill('backend-api');
    if (info.project.name === 'js') {
      await expect(page.getByRole('list', { name: 'Final labels' }).getByRole('listitem')).toContainText([
        'self-hosted',
        'linux',
        'x64',
        'docker',
        'backend-api',
      ]);
    }
    await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
    await expect(page.getByRole('heading', { level: 1, name: /^Runner ready: checkout-[0-9a-f]{6}$/ })).toBeVisible();
  });

  const command = (await page.locator('#run-command').textContent())?.trim() ?? '';
  const config = (await page.locator('#jit-config').textContent())?.trim() ?? '';
  await test.step('with a command and its configuration, once', async () => {
    expect(config).toMatch(/^[A-Za-z0-9+/]{40,}={0,2}$/);
    expect(command).toBe(`./run.sh --jitconfig ${config}`);
    await expect(page.getByRole('list', { name: 'Labels' }).getByRole('listitem')).toHaveText([
      'self-hosted',
      'linux',
      'x64',
      'docker',
      'backend-api',
    ]);
    await page.reload();
    await expect(page.getByRole('button', { name: 'Provision JIT Runner' })).toBeVisible();
    expect(await page.content()).not.toContain(config.slice(0, 60));
    const runners = await api.runners(team);
    expect(runners).toHaveLength(1);
    expect(runners[0]?.labels).toEqual(['self-hosted', 'linux', 'x64', 'docker', 'backend-api']);
  });

  await test.step('a label that the policy does not admit is refused, and nothing typed is lost', async () => {
    await page.locator('#content').getByLabel(/^Team/).selectOption({ label: name });
    await page.getByLabel(/^Runner name prefix/).fill('second');
    await page.getByLabel(/^Custom labels/).fill('backend-api, gpu');
    await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
    const refusal = page.getByRole('alert');
    await expect(refusal).toContainText('Label not permitted by team policy: gpu');
    await expect(refusal).toContainText('backend-.*');
    await expect(page.locator('#content').getByLabel(/^Team/)).toHaveValue(id);
    await expect(page.getByLabel(/^Runner name prefix/)).toHaveValue('second');
    await expect(page.getByLabel(/^Custom labels/)).toHaveValue('backend-api, gpu');
    // In full once; beside the field only which one, and where to ask for it.
    await expect(page.locator('#labels-error')).toHaveText('gpu is not permitted');
    const request = page.getByRole('link', { name: 'Request this label' });
    await expect(request).toHaveAttribute('href', `/requests/new?kind=labels&team=${id}&add=gpu`);
    expect((await api.get(team)).runner_count).toBe(1);
  });

  await test.step('the second runner is the last: the third is refused', async () => {
    await page.getByLabel(/^Custom labels/).fill('service-auth');
    await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
    await expect(page.getByRole('heading', { level: 1, name: /^Runner ready: second-/ })).toBeVisible();
    await page.getByRole('link', { name: 'Provision another' }).click();
    await page.locator('#content').getByLabel(/^Team/).selectOption({ label: name });
    await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
    const refusal = page.getByRole('alert');
    await expect(refusal).toContainText('Team quota exceeded');
    await expect(refusal).toContainText('Maximum allowed: 2, current: 2');
    await expect(refusal).toContainText('to raise the quota ask a super admin or organization admin.');
    await expect(page.locator('#content').getByLabel(/^Team/)).toHaveValue(id);
    expect(await api.runners(team)).toHaveLength(2);
  });

  await test.step('and the team shows it all', async () => {
    await page.goto(`/admin/teams/${id}`);
    await expect(page.locator('.usage__value').filter({ hasText: 'of 2' }).first()).toHaveText('2 of 2');
    await expect(page.getByText('The quota is used up')).toBeVisible();
    const runners = page.getByRole('region', { name: 'Runners' });
    await expect(runners.getByRole('listitem')).toHaveCount(2);
    await expect(runners).toContainText(/checkout-[0-9a-f]{6}/);
    await page.goto(`${origin()}/runners`);
    await expect(page.getByRole('row').filter({ hasText: name })).toHaveCount(2);
  });
});

test('one team needs no choosing; none hides the dropdown', async ({ as }) => {
  const page = await as(pat, '/provision');
  await expect(page.locator('#content').getByLabel(/^Team/).locator('option:checked')).toHaveText('External Partner');
  const other = await as(stranger, '/provision');
  await expect(other.getByText('You are in no active team')).toBeVisible();
  await expect(other.getByText(/Ask a team's admin to add you, or a super admin or organization admin.* for a policy\./)).toBeVisible();
  await expect(other.locator('#content').getByLabel(/^Team/)).toHaveCount(0);
  await other.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(other.getByRole('alert')).toContainText('Labels not permitted by policy');
});

test('bad names and labels are explained beside their fields', async ({ as }) => {
  const page = await as(pat, '/provision');
  await page.getByLabel(/^Runner name prefix/).fill('no spaces');
  await page.getByLabel(/^Custom labels/).fill('fine, not fine');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByLabel(/^Runner name prefix/)).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel(/^Runner name prefix/)).toHaveValue('no spaces');
  await expect(page.getByLabel(/^Custom labels/)).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel(/^Custom labels/)).toHaveValue('fine, not fine');
  await expect(page.locator('#labels-error')).toContainText("label 'not fine' must be 1 to");
});

test('a member who was just removed is refused, with what they typed', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const page = await as(max, '/provision');
  await page.locator('#content').getByLabel(/^Team/).selectOption({ label: team.name });
  await api.ok('DELETE', `/admin/teams/${team.id}/members/${max.email}`);
  await page.getByLabel(/^Custom labels/).fill('later');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('alert')).toContainText('User not a member of team');
  await expect(page.getByLabel(/^Custom labels/)).toHaveValue('later');
});

test('only active teams can be chosen', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  await api.ok('POST', `/admin/teams/${team.id}/deactivate`, { reason: 'audit' });
  const page = await as(max, '/provision');
  const options = page.locator('#content').getByLabel(/^Team/).locator('option');
  await expect(options.filter({ hasText: 'Backend Team' })).toHaveCount(1);
  await expect(options.filter({ hasText: team.name })).toHaveCount(0);
});
