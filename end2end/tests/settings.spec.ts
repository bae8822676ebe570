import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { max, orgAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const status = (page: Page) => page.getByRole('heading', { level: 1 }).locator('.badge');

test('name and description are saved; the address stays', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.slug}/settings`);
  const name = unique('Renamed');
  await page.getByLabel(/^Name/).fill(`  ${name} `);
  await page.getByLabel(/^Description/).fill('Now with a purpose.');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.slug}/settings`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  expect(await api.get(team)).toMatchObject({ name, slug: team.slug, description: 'Now with a purpose.' });
});

test('too long a description comes back, all of it', async ({ as, api }) => {
  const team = await api.team({ description: 'Short', members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/settings`);
  await page.getByLabel(/^Description/).fill('d'.repeat(501));
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#description-error')).toHaveText('must be at most 500 characters');
  await expect(page.getByLabel(/^Description/)).toHaveValue('d'.repeat(501));
  await page.getByLabel(/^Description/).fill('d'.repeat(500));
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  expect((await api.get(team)).description).toHaveLength(500);
  await page.getByLabel(/^Description/).fill('');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  expect((await api.get(team)).description).toBeNull();
});

test('deactivated, reactivated, archived, restored', async ({ as, api, apiOf }) => {
  test.slow();
  const team = await api.team({ description: 'Not for closed eyes', members: { [max.email]: 'member', [tess.email]: 'admin' } });
  const page = await as(orgAdmin, `/admin/teams/${team.id}/settings`);

  await test.step('deactivating asks for a reason', async () => {
    await page.getByRole('link', { name: 'Deactivate' }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText(`Deactivate ${team.name}?`);
    await expect(dialog).toContainText('2 members cannot use the team');
    // A blank gets past the browser.
    await dialog.getByLabel(/^Reason/).fill('   ');
    await dialog.getByRole('button', { name: 'Deactivate' }).click();
    await expect(page.getByRole('dialog').locator('#reason-error')).toBeVisible();
    expect((await api.get(team)).status).toBe('active');
    await page.getByRole('dialog').getByLabel(/^Reason/).fill('Budget review');
    await page.getByRole('dialog').getByRole('button', { name: 'Deactivate' }).click();
    await expect(page.getByText(`Team ${team.name} is inactive.`)).toBeVisible();
    await expect(status(page)).toHaveText('Inactive');
    expect(await api.get(team)).toMatchObject({ status: 'inactive', deactivation_reason: 'Budget review' });
    await page.goto(`/admin/teams/${team.id}`);
    await expect(page.getByText('Budget review').first()).toBeVisible();
  });

  await test.step('its members see the name and the status, and nothing else', async () => {
    const member = await as(max, `/admin/teams/${team.id}`);
    await expect(member.getByRole('heading', { level: 1 })).toContainText(team.name);
    await expect(status(member)).toHaveText('Inactive');
    await expect(member.getByText('Team is inactive')).toBeVisible();
    await expect(member.getByRole('navigation', { name: 'Team' })).toHaveCount(0);
    expect(await member.content()).not.toContain('Not for closed eyes');
    expect(await member.content()).not.toContain(tess.email);
    for (const tab of ['members', 'projects', 'policy', 'settings']) {
      await member.goto(`/admin/teams/${team.id}/${tab}`);
      await expect(member.getByText('Team is inactive'), tab).toBeVisible();
      expect(await member.content(), tab).not.toContain(tess.email);
    }
    const refused = await (await apiOf(max)).call('POST', '/runners/jit', { team_id: team.id });
    expect(refused).toMatchObject({ status: 403, body: { error_code: 'TEAM_INACTIVE' } });
  });

  await test.step('reactivated, they have all of it again', async () => {
    await page.goto(`/admin/teams/${team.id}/settings`);
    await page.getByRole('button', { name: 'Reactivate' }).click();
    await expect(page.getByText(`Team ${team.name} is active.`)).toBeVisible();
    expect(await api.get(team)).toMatchObject({ status: 'active', deactivation_reason: null });
    const member = await as(max, `/admin/teams/${team.id}`);
    await expect(member.getByText('Not for closed eyes')).toBeVisible();
  });

  await test.step('archived, it is hidden from them and frees its name', async () => {
    await page.getByRole('link', { name: 'Archive…' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Cancel' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await page.getByRole('link', { name: 'Archive…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Archive team' }).click();
    await expect(page.getByText(`Team ${team.name} is archived.`)).toBeVisible();
    await expect(page.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
    const member = await as(max, '/teams');
    await expect(member.getByText(team.name)).toHaveCount(0);
    const answer = await member.goto(`/admin/teams/${team.id}`);
    expect([403, 404]).toContain(answer?.status());
    await api.team({ name: team.name });
  });

  await test.step('restored only when its name is free, as an inactive team', async () => {
    await page.goto(`/admin/teams/${team.id}/settings`);
    await page.getByRole('button', { name: 'Restore' }).click();
    await expect(page.getByRole('alert')).toContainText('already exists');
    const list = await api.ok('GET', `/admin/teams?limit=1000`);
    const other = list.teams.find((candidate: { name: string }) => candidate.name === team.name);
    await api.ok('PATCH', `/admin/teams/${other.id}`, { name: unique('Moved aside') });
    const taken = await api.get(other);
    await page.getByRole('button', { name: 'Restore' }).click();
    // Its short name may still be the other's.
    if (taken.slug !== team.slug) await expect(page.getByText(`Team ${team.name} is inactive.`)).toBeVisible();
  });
});

test('whoever may not, reads who may', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const admin = await as(tess, `/admin/teams/${team.id}/settings`);
  await expect(admin.getByRole('button', { name: 'Save Changes' })).toBeVisible();
  await expect(admin.getByRole('link', { name: 'Deactivate' })).toHaveCount(0);
  await expect(admin.getByText('To deactivate or archive this team, ask a super admin or organization admin')).toBeVisible();
  const member = await as(max, `/admin/teams/${team.id}/settings`);
  await expect(member.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
  await expect(member.getByText('To change name or description, ask')).toBeVisible();
});
