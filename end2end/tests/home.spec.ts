// The home page: what needs somebody, what they use, what they can start (issue 8, item 6).
import { unique } from './support/api';
import { auditor, hire, max, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';

test('a member finds their team, what to start, and answers', async ({ as }) => {
  const page = await as(max, '/');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Home');
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Home' })).toHaveAttribute('aria-current', 'page');
  await expect(page.getByRole('region', { name: 'My teams' }).getByRole('link', { name: 'Backend Team' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Needs you' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'First steps' })).toHaveCount(0);
  const start = page.getByRole('region', { name: 'Start', exact: true });
  await expect(start.getByRole('link', { name: 'Create a team' })).toHaveCount(0);
  await start.getByRole('link', { name: 'Provision a runner' }).click();
  await expect(page).toHaveURL(/\/provision$/);
});

test('somebody in no team is told how to get into one', async ({ as }) => {
  const page = await as(await hire(unique('Nils Newcomer')), '/');
  await expect(page.getByText('You are in no team of your own yet.')).toBeVisible();
  await page.getByRole('link', { name: 'Request to join a team' }).click();
  await expect(page).toHaveURL(/\/requests\/new\?kind=join$/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});

test('who only looks is offered nothing that they may not do', async ({ as }) => {
  const page = await as(auditor, '/');
  await expect(page.getByRole('banner').getByRole('link', { name: 'Provision a runner' })).toHaveCount(0);
  await expect(page.getByRole('main').getByRole('link', { name: 'Provision a runner' })).toHaveCount(0);
  await page.getByRole('main').getByRole('link', { name: 'Audit log' }).click();
  await expect(page).toHaveURL(/\/admin\/audit$/);
});

test('requests that somebody may decide are on top of their page', async ({ as }) => {
  const page = await as(superAdmin, '/');
  const needs = page.getByRole('region', { name: 'Needs you' });
  await needs.getByRole('link', { name: /requests? waits? for you/ }).click();
  await expect(page).toHaveURL(/\/requests\?view=decide$/);
});

test('the navigation folds what is seldom used, and opens it where one is', async ({ as }) => {
  const page = await as(superAdmin, '/admin/sync');
  const navigation = page.getByRole('navigation', { name: 'Main' });
  await expect(navigation.getByRole('link', { name: 'Sync' })).toHaveAttribute('aria-current', 'page');
  await expect(navigation.getByRole('link', { name: 'Cost' })).toBeHidden();
  await navigation.getByText('Oversight').click();
  await navigation.getByRole('link', { name: 'Cost' }).click();
  await expect(page).toHaveURL(/\/admin\/cost$/);
});

test('a team shows its runners against the quota over time, as a picture and as a table', async ({ as }) => {
  const page = await as(tess, '/teams');
  await page.getByRole('main').getByRole('link', { name: 'Backend Team' }).first().click();
  await expect(page.getByRole('img', { name: 'Runners at a time' })).toBeVisible();
  const chart = page.locator('#runners-over-time');
  await expect(chart.getByText('Quota 10')).toBeVisible();
  await chart.getByText('Show as table').click();
  await expect(chart.getByRole('row')).toHaveCount(32);
});
