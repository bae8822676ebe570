import type { Page } from '@playwright/test';
import { max, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const row = (page: Page, name: string) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

test('projects are created, renamed and deleted', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(tess, `/admin/teams/${team.id}/projects`);
  await expect(page.getByRole('heading', { name: 'No projects yet' })).toBeVisible();

  await page.getByLabel(/^Name/).fill('Ledger');
  await page.getByLabel(/^Description/).fill('Who owes what');
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByText('Project Ledger was created.')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Ledger');
  await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: 'Projects' }).click();
  await expect(row(page, 'Ledger')).toContainText('Who owes what');
  expect(await api.projects(team)).toMatchObject([{ name: 'Ledger', description: 'Who owes what' }]);

  await page.getByLabel(/^Name/).fill('Ledger');
  await page.getByLabel(/^Description/).fill('Again');
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByRole('alert')).toContainText("Project 'Ledger' already exists in this team");
  await expect(page.getByLabel(/^Name/)).toHaveValue('Ledger');
  await expect(page.getByLabel(/^Description/)).toHaveValue('Again');

  await row(page, 'Ledger').getByLabel('Actions for Ledger').click();
  await row(page, 'Ledger').getByRole('link', { name: 'Edit', exact: true }).click();
  await expect(page.getByLabel(/^Name/)).toHaveValue('Ledger');
  await page.getByLabel(/^Name/).fill('');
  await page.getByLabel(/^Name/).fill('L'.repeat(200));
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.locator('#name-error')).toContainText('must be');
  await expect(page.getByLabel(/^Name/)).toHaveValue('L'.repeat(200));
  await expect(page.getByRole('heading', { name: 'Edit Ledger' })).toBeVisible();
  await page.getByLabel(/^Name/).fill('Accounts');
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Project Accounts was saved.')).toBeVisible();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.id}/projects`);
  await expect(row(page, 'Accounts')).toHaveCount(1);

  await row(page, 'Accounts').getByLabel('Actions for Accounts').click();
  await row(page, 'Accounts').getByRole('link', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Delete Accounts?');
  await expect(dialog).not.toContainText(/Removes|Revokes|Leaves/);
  await dialog.getByRole('link', { name: 'Cancel' }).click();
  expect(await api.projects(team)).toHaveLength(1);
  await row(page, 'Accounts').getByLabel('Actions for Accounts').click();
  await row(page, 'Accounts').getByRole('link', { name: 'Delete…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete project' }).click();
  await expect(page.getByText('Project Accounts was deleted.')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'No projects yet' })).toBeVisible();
  expect(await api.projects(team)).toEqual([]);
});

test('a member sees assigned projects only, and creates none', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  await api.project(team, 'Secret');
  const page = await as(max, `/admin/teams/${team.id}/projects`);
  await expect(page.getByRole('heading', { name: 'No projects for you' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Create project' })).toHaveCount(0);
  await expect(page.getByText('Secret')).toHaveCount(0);
});
