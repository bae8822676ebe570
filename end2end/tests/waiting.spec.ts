import type { Page } from '@playwright/test';
import { max, tess } from './support/people';
import { expect, test } from './support/test';

// Others may wait for other teams at the same time.
const card = (page: Page, team: { name: string }) => page.locator('.card', { hasText: team.name });

test('a full quota offers to wait, and the place that becomes free is held', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' }, max_runners: 1 });
  const settings = await as(tess, `/admin/teams/${team.id}/settings`);
  await settings.locator('label[for=waiting_list]').click();
  await settings.locator('form[action="/actions/teams/waiting-list"] button').click();
  await expect(settings.getByText('Changes saved.')).toBeVisible();
  await expect(settings.getByLabel('Waiting list')).toBeChecked();

  await settings.goto(`/provision?team=${team.id}`);
  await settings.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(settings.getByRole('heading', { name: /^Runner ready/ })).toBeVisible();

  const page = await as(max, `/provision?team=${team.id}`);
  await page.locator('[name=runner_name_prefix]').fill('patient');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('alert')).toContainText('Maximum allowed: 1, current: 1. You can wait');
  await page.getByRole('button', { name: 'Wait for a runner' }).click();
  await expect(page).toHaveURL(/\/runners\/waiting$/);
  await expect(card(page, team).getByText('Position 1 in the line.')).toBeVisible();

  // Tess gives hers up; the job of the waiting lists looks every few seconds.
  const [runner] = (await api.ok('GET', `/runners?team_id=${team.id}`)).runners;
  await api.ok('DELETE', `/runners/${runner.runner_id}`);
  await expect(async () => {
    await page.getByRole('link', { name: 'Refresh' }).click();
    await expect(card(page, team).getByText('It is your turn')).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 15_000 });
  await card(page, team).getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('heading', { name: /^Runner ready: patient-/ })).toBeVisible();
});

test('whoever waits may leave the line', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' }, max_runners: 0 });
  await api.ok('PUT', `/admin/teams/${team.id}/waiting-list`, { enabled: true });
  const page = await as(max, `/provision?team=${team.id}`);
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await page.getByRole('button', { name: 'Wait for a runner' }).click();
  await expect(card(page, team).getByText('Position 1 in the line.')).toBeVisible();
  await card(page, team).getByRole('button', { name: 'Leave the line' }).click();
  await expect(page.getByText('You left the waiting list.')).toBeVisible();
  await expect(card(page, team)).toHaveCount(0);
});
