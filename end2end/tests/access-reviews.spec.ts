// Access reviews: started from a team's page, decided line by line and many at a time, closed, and signed.
import type { Page } from '@playwright/test';
import { type Api, type Team, unique } from './support/api';
import { type Person, audrey, hire, max, orgAdmin, tess } from './support/people';
import { signIn } from './support/sign-in';
import { expect, test } from './support/test';

/** A team with Tess as its admin, Max, and a service. */
async function reviewed(api: Api, more: Record<string, 'admin' | 'member'> = {}): Promise<Team> {
  const team = await api.team({ name: unique('Harbor'), members: { [tess.email]: 'admin', [max.email]: 'member', ...more } });
  await api.ok('PUT', `/admin/teams/${team.id}/services`, { allowed_services: [{ service: 'llm-service', reason: 'the assistant' }] });
  return team;
}

/** Answers the question that is open. */
async function answer(page: Page, button: string, reason?: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  if (reason !== undefined) await dialog.getByLabel(/^Reason/).fill(reason);
  await dialog.getByRole('button', { name: button, exact: true }).click();
}

/** The line about somebody or some service: others name them too, as who decided. */
const row = (page: Page, who: string) => page.getByRole('row').filter({ has: page.locator('th', { hasText: who }) });

/** Somebody new who has signed in once, so that they can be added to a team. */
async function arrived(anyone: () => Promise<Page>): Promise<Person> {
  const person = await hire(unique('Ida Idle'));
  await signIn(await anyone(), person, '/');
  return person;
}

test('a team admin reviews the team: keeps, removes with a reason, never decides on herself, and gets a signed report', async ({ as, api, anyone }) => {
  const idle = await arrived(anyone);
  const team = await reviewed(api, { [idle.email]: 'member' });
  const page = await as(tess, `/admin/teams/${team.slug}/members`);
  await page.getByRole('link', { name: 'Start an access review' }).click();
  await expect(page.getByLabel('What to review')).toHaveValue(`team:${team.id}`);
  await page.getByLabel(/^Name/).fill('Autumn');
  await page.getByLabel(/^Due in days/).fill('100');
  await page.getByRole('button', { name: 'Start review' }).click();
  await expect(page.locator('#due_in_days-error')).toContainText('must be 1 to 90');
  await expect(page.getByLabel(/^Name/)).toHaveValue('Autumn');
  await expect(page.getByLabel('What to review')).toHaveValue(`team:${team.id}`);
  await page.getByLabel(/^Due in days/).fill('3');
  await page.getByRole('button', { name: 'Start review' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Autumn');
  await expect(page.getByText('4 undecided lines')).toBeVisible();
  await expect(page.getByText('3 of them wait for you.')).toBeVisible();

  // The evidence, and nothing to decide on one's own line.
  await expect(row(page, max.email)).toContainText('Seen:');
  await expect(row(page, 'llm-service')).toContainText('By service: not recorded');
  await expect(row(page, tess.email)).toContainText('You');
  await expect(row(page, tess.email).getByRole('button')).toHaveCount(0);
  await expect(row(page, tess.email).getByRole('link')).toHaveCount(0);
  await row(page, max.email).getByRole('button', { name: `Keep ${max.email} in ${team.name}` }).click();
  await expect(page.getByText('1 line kept.')).toBeVisible();
  await row(page, idle.email).getByRole('link', { name: /^Remove/ }).click();
  await answer(page, 'Remove at the close', ' ');
  await expect(page.getByRole('dialog').locator('#reason-error')).toContainText('the report says why');
  await answer(page, 'Remove at the close', 'Has not been seen since May');
  await expect(page.getByText('1 line will be removed when the review closes.')).toBeVisible();
  await expect(row(page, idle.email)).toContainText('Has not been seen since May');
  expect((await api.members(team)).map((member) => member.email)).toContain(idle.email);

  await page.getByRole('link', { name: 'Close review…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('2 lines undecided: kept, as was chosen at the start');
  await expect(dialog).toContainText('1 removal made now');
  await expect(dialog).toContainText('3 lines kept');
  await answer(page, 'Close review');
  await expect(page.getByText('The review is closed: 1 removal.')).toBeVisible();
  // A job may be at the removal or the signature just now.
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('link', { name: 'Report' })).toBeVisible({ timeout: 1000 });
  }).toPass({ timeout: 20_000 });
  await expect(row(page, idle.email)).toContainText('Removed');
  await expect(row(page, tess.name)).toContainText('by silence');
  expect((await api.members(team)).map((member) => member.email)).not.toContain(idle.email);

  await page.getByRole('link', { name: 'Report' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Report: Autumn');
  const digest = await page.locator('.report__digest').first().innerText();
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  const href = await page.getByRole('link', { name: 'Download CSV' }).getAttribute('href');
  const file = await page.request.get(href!);
  expect(file.headers()['content-type']).toContain('text/csv');
  expect(await file.text()).toContain('Has not been seen since May');
});

test('several lines are decided at a time, and a refused removal says why', async ({ as, api }) => {
  const team = await reviewed(api);
  const review = await api.ok('POST', '/access-reviews', { team_id: team.id, name: unique('Many'), due_in_days: 30, silence: 'keep' });
  const at = `/admin/access-reviews/${review.id}`;
  const page = await as(orgAdmin, at);
  await page.getByRole('button', { name: 'Remove selected…' }).click();
  await expect(page.getByText('Nothing is selected')).toBeVisible();
  for (const who of [max.email, tess.email]) await row(page, who).getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Remove selected…' }).click();
  await expect(page.getByRole('dialog')).toContainText('Mark 2 lines for removal?');
  await answer(page, 'Remove at the close', 'The project is over');
  await expect(page.getByText('2 lines will be removed when the review closes.')).toBeVisible();
  await page.getByRole('navigation', { name: 'Decision' }).getByRole('link', { name: 'Undecided' }).click();
  await expect(page.getByRole('table').getByRole('row')).toHaveCount(2);
  await row(page, 'llm-service').getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Keep selected…' }).click();
  await answer(page, 'Keep');
  await expect(page.getByText('1 line kept.')).toBeVisible();
  await expect(page.getByText('No such lines')).toBeVisible();
  await page.goto(at);
  await expect(page.getByText('Everything is decided')).toBeVisible();
  await page.getByRole('link', { name: 'Close review…' }).click();
  await answer(page, 'Close review');
  // Another process may make the removals; without JavaScript the page does not look again by itself.
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('1 removal not made')).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
  await expect(row(page, tess.email)).toContainText('Cannot remove last team admin');
  await expect(row(page, max.email)).toContainText('Removed');
});

test('a review waits on the start page, is reminded of, read by an auditor, and cancelled', async ({ as, api }) => {
  const team = await reviewed(api);
  const name = unique('Reminded');
  const review = await api.ok('POST', '/access-reviews', { team_id: team.id, name, due_in_days: 2, silence: 'remove' });
  const page = await as(tess, '/');
  await expect(page.getByText(/access reviews? waits? for you/)).toBeVisible();
  await page.goto('/admin/access-reviews?state=open');
  await page.getByRole('link', { name }).click();
  await page.getByRole('link', { name: 'Remind' }).click();
  await answer(page, 'Remind');
  await expect(page.getByText(`${tess.email} reminded the reviewers`)).toBeVisible();

  const reader = await as(audrey, `/admin/access-reviews/${review.id}`);
  await expect(row(reader, max.email)).toContainText('Undecided');
  await expect(reader.getByRole('checkbox')).toHaveCount(0);
  await expect(reader.getByRole('link', { name: 'Close review…' })).toHaveCount(0);
  const nobody = await as(max, `/admin/access-reviews/${review.id}`);
  await expect(nobody.getByRole('heading', { level: 1 })).toHaveText('Access review not found');

  await page.getByRole('link', { name: 'Cancel review…' }).click();
  await answer(page, 'Cancel review');
  await expect(page.getByText('This review was cancelled')).toBeVisible();
  expect((await api.members(team)).map((member) => member.email)).toContain(max.email);
});
