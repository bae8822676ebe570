// The list of teams, and the form for a new one.
import { unique } from './support/api';
import { orgAdmin, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

test('the columns, and what each row leads to', async ({ as, api }) => {
  const team = await api.team({ description: 'Seen in the list', max_runners: 4, members: { [tess.email]: 'admin' } });
  await api.project(team, 'One');
  const page = await as(superAdmin, `/admin/teams?q=${encodeURIComponent(team.name)}`);
  await expect(page.getByRole('columnheader')).toHaveText([
    'Name',
    'Description',
    'Members',
    'Projects',
    'Runners',
    'Status',
    'Created',
    'Actions',
  ]);
  const row = page.getByRole('row').filter({ hasText: team.name });
  await expect(row.getByRole('rowheader')).toContainText('Acme');
  await expect(row.getByRole('cell')).toContainText(['Seen in the list', '1', '1', '0 / 4', 'Active']);
  await row.getByLabel(`Actions for ${team.name}`).click();
  await row.getByRole('link', { name: 'Manage Members' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.id}/members`);
});

test('search, status and order are in the address and survive each other', async ({ as, api }) => {
  const word = unique('Filter').replace(' ', '');
  const many = await api.team({ name: `${word} B`, members: { [tess.email]: 'admin' } });
  await api.team({ name: `${word} A` });
  const idle = await api.team({ name: `${word} C` });
  await api.ok('POST', `/admin/teams/${idle.id}/deactivate`, { reason: 'not needed' });
  const gone = await api.team({ name: `${word} D` });
  await api.ok('POST', `/admin/teams/${gone.id}/archive`, {});

  const page = await as(superAdmin, '/admin/teams');
  const names = page.getByRole('rowheader').getByRole('link');
  const sorted = (column: string) => page.getByRole('columnheader', { name: column });
  await page.getByLabel('Search teams').fill(word);
  await page.getByLabel('Search teams').press('Enter');
  await expect(page).toHaveURL(new RegExp(`[?&]q=${word}`));
  await expect(names).toHaveText([`${word} A`, `${word} B`, `${word} C`]);
  await expect(page.getByText('3 teams')).toBeVisible();
  await expect(sorted('Name')).toHaveAttribute('aria-sort', 'ascending');

  await sorted('Name').getByRole('link').click();
  await expect(page).toHaveURL(/sort=-name/);
  await expect(names).toHaveText([`${word} C`, `${word} B`, `${word} A`]);
  await sorted('Members').getByRole('link').click();
  await expect(page).toHaveURL(/sort=-members/);
  await expect(names.first()).toHaveText(many.name);

  const status = page.getByRole('navigation', { name: 'Status' });
  await status.getByRole('link', { name: 'Inactive' }).click();
  await expect(names).toHaveText([`${word} C`]);
  await expect(status.getByRole('link', { name: 'Inactive' })).toHaveAttribute('aria-current', 'true');
  await status.getByRole('link', { name: 'Archived' }).click();
  await expect(names).toHaveText([`${word} D`]);
  await status.getByRole('link', { name: 'Active', exact: true }).click();
  await expect(names).toHaveCount(2);
  const url = new URL(page.url());
  expect(Object.fromEntries(url.searchParams)).toMatchObject({ q: word, status: 'active', sort: '-members' });

  // A new search keeps status and order.
  await page.getByLabel('Search teams').fill(`${word} A`);
  await page.getByLabel('Search teams').press('Enter');
  await expect(names).toHaveText([`${word} A`]);
  await expect(page).toHaveURL(/status=active/);
  await expect(page).toHaveURL(/sort=-members/);

  await page.getByRole('link', { name: 'Clear' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams`);
});

test('nothing fits: says so, and leads back', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams?q=no-team-is-called-that');
  await expect(page.getByRole('heading', { name: 'No team fits' })).toBeVisible();
  await page.getByRole('link', { name: 'Show all teams' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams`);
  await expect(page.getByRole('rowheader').first()).toBeVisible();
});

test('pages go forth and back by key, and miss or repeat nothing', async ({ as, api }) => {
  test.slow();
  const word = unique('Paged').replace(' ', '');
  const all = Array.from({ length: 52 }, (_, index) => `${word} ${String(index).padStart(2, '0')}`);
  await Promise.all(
    [0, 1, 2, 3].map(async (worker) => {
      for (const name of all.filter((_, index) => index % 4 === worker)) await api.team({ name });
    }),
  );
  const page = await as(superAdmin, `/admin/teams?q=${word}`);
  const names = page.getByRole('rowheader').getByRole('link');
  await expect(names).toHaveCount(50);
  await expect(page.locator('.pagination__count')).toHaveText('50 of 52 teams');
  const first = await names.allTextContents();
  await page.getByRole('link', { name: 'Next' }).click();
  await expect(page).toHaveURL(/cursor=/);
  await expect(page).toHaveURL(new RegExp(`q=${word}`));
  await expect(names).toHaveCount(2);
  expect([...first, ...(await names.allTextContents())]).toEqual(all);
  await expect(page.getByRole('link', { name: 'Next' })).toHaveCount(0);

  // What is new before the page does not shift it.
  await api.team({ name: `${word} 00b` });
  await page.getByRole('link', { name: 'Previous' }).click();
  await expect(names).toHaveCount(50);
  await expect(names.last()).toHaveText(all[49] ?? '');
  await page.goto(`/admin/teams?q=${word}&sort=-name`);
  await page.getByRole('link', { name: 'Next' }).click();
  await expect(names).toHaveText([all[1] ?? '', `${word} 00b`, all[0] ?? ''].sort().reverse());
});

test('an order or a page that does not exist is an error, not a fault', async ({ as }) => {
  const admin = await as(superAdmin, '/teams');
  for (const query of ['sort=colour', 'status=purple', 'cursor=%00garbage', 'organization=acme']) {
    const answer = await admin.goto(`/admin/teams?${query}`);
    expect(answer?.status(), query).toBeGreaterThanOrEqual(400);
    expect(answer?.status(), query).toBeLessThan(500);
    await expect(admin.getByText('Request id')).toBeVisible();
  }
});

test('people see the teams of their organization or their own, and create what they may', async ({ as, api }) => {
  const team = await api.team({ name: unique('Elsewhere') });
  const hidden = await as(tess, '/admin/teams');
  await expect(hidden.getByRole('rowheader').filter({ hasText: 'Backend Team' })).toHaveCount(1);
  await expect(hidden.getByRole('link', { name: 'Create Team' })).toHaveCount(0);
  await hidden.goto(`/admin/teams?q=${encodeURIComponent(team.name)}`);
  await expect(hidden.getByRole('heading', { name: 'No team fits' })).toBeVisible();
  const shown = await as(orgAdmin, `/admin/teams?q=${encodeURIComponent(team.name)}`);
  await expect(shown.getByRole('rowheader').filter({ hasText: team.name })).toHaveCount(1);
  await expect(shown.getByRole('link', { name: 'Create Team' })).toBeVisible();
});

test('a form with mistakes comes back whole, each mistake beside its field', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams/new');
  await page.getByLabel(/^Name/).fill('X');
  await page.getByLabel(/^Description/).fill('Kept.\nBoth lines.');
  await page.getByLabel(/^Required labels/).fill('linux, no spaces allowed');
  await page.getByLabel(/^Optional label patterns/).fill('backend-(');
  await page.getByLabel(/^Max runners/).fill('many');
  // The label covers the box, as a larger target.
  await page.getByText('Make me its admin').click();
  await page.getByRole('button', { name: 'Create Team' }).click();

  const summary = page.getByRole('alert');
  await expect(summary).toContainText('4 fields need attention');
  await expect(page.locator('#name-error')).toHaveText('must be 2 to 50 characters');
  await expect(page.locator('#required_labels-error')).toContainText("label 'no spaces allowed'");
  await expect(page.locator('#optional_label_patterns-error')).toContainText("Invalid regex pattern 'backend-('");
  await expect(page.locator('#max_runners-error')).toContainText('must be a whole number');
  for (const field of ['Name', 'Required labels', 'Optional label patterns', 'Max runners']) {
    const input = page.getByLabel(new RegExp(`^${field}`));
    await expect(input, field).toHaveAttribute('aria-invalid', 'true');
    const described = (await input.getAttribute('aria-describedby')) ?? '';
    expect(described, field).toContain('-error');
  }
  await expect(page.getByLabel(/^Name/)).toHaveValue('X');
  await expect(page.getByLabel(/^Description/)).toHaveValue('Kept.\nBoth lines.');
  await expect(page.getByLabel(/^Required labels/)).toHaveValue('linux, no spaces allowed');
  await expect(page.getByLabel(/^Optional label patterns/)).toHaveValue('backend-(');
  await expect(page.getByLabel(/^Max runners/)).toHaveValue('many');
  await expect(page.getByLabel('Make me its admin')).not.toBeChecked();

  await summary.getByRole('link', { name: /^Max runners/ }).click();
  await expect(page).toHaveURL(/#max_runners$/);
  // Once shown, it is gone.
  await page.goto('/admin/teams/new');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByLabel(/^Name/)).toHaveValue('');
});

test('a name that is taken is refused with the words of the API', async ({ as, api }) => {
  const team = await api.team();
  const page = await as(orgAdmin, '/admin/teams/new');
  await page.getByLabel(/^Name/).fill(team.name);
  await page.getByLabel(/^Max runners/).fill('3');
  await page.getByRole('button', { name: 'Create Team' }).click();
  await expect(page.getByRole('alert')).toContainText(`Team '${team.name}' already exists`);
  await expect(page.getByLabel(/^Name/)).toHaveValue(team.name);
  await expect(page.getByLabel(/^Max runners/)).toHaveValue('3');
});

test('text is text: markup in a name does nothing', async ({ as, api }) => {
  const name = unique('<img src=x onerror=alert(1)>').slice(0, 50);
  const team = await api.team({ name, description: '"><script>alert(1)</script>' });
  const page = await as(superAdmin, `/admin/teams/${team.id}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  await expect(page.getByText('"><script>alert(1)</script>')).toBeVisible();
  await expect(page.locator('main img, main script')).toHaveCount(0);
  await page.goto(`/admin/teams/${team.id}/settings`);
  await expect(page.getByLabel(/^Description/)).toHaveValue('"><script>alert(1)</script>');
});

test('p: the row menu offers Deactivate to those who may, and leads to it', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const list = `/admin/teams?q=${encodeURIComponent(team.name)}`;
  const lead = await as(tess, list);
  await lead.getByLabel(`Actions for ${team.name}`).click();
  await expect(lead.getByRole('link', { name: 'Manage Members' })).toBeVisible();
  await expect(lead.getByRole('link', { name: 'Deactivate' })).toHaveCount(0);

  const page = await as(orgAdmin, list);
  await page.getByLabel(`Actions for ${team.name}`).click();
  await page.getByRole('link', { name: 'Deactivate' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Reason/).fill('The project has ended');
  await dialog.getByRole('button', { name: /^Deactivate/ }).click();
  await expect(page.getByText(`Team ${team.name} is inactive.`)).toBeVisible();
  expect(await api.get(team)).toMatchObject({ status: 'inactive', deactivation_reason: 'The project has ended' });
  await page.goto(list);
  await page.getByLabel(`Actions for ${team.name}`).click();
  await expect(page.getByRole('link', { name: 'Settings' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Deactivate' })).toHaveCount(0);
});

test('a team’s own limits are set where they are shown, and a team admin only lowers them', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(superAdmin, `/admin/teams/${team.id}/settings`);
  await page.getByLabel(/^Budget in US dollars/).fill('much');
  await page.getByLabel(/^Budget period/).fill('monthly');
  await page.getByLabel(/^Requests per minute/).fill('100');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.locator('#max_budget-error')).toContainText('must be an amount');
  await expect(page.getByLabel(/^Requests per minute/)).toHaveValue('100');
  await page.getByLabel(/^Budget in US dollars/).fill('1500');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByText('Limits saved.')).toBeVisible();
  const inForce = page.getByRole('region', { name: 'Effective limits' });
  await expect(inForce).toContainText('$1,500.00 every month');

  const admin = await as(tess, `/admin/teams/${team.id}/settings`);
  await admin.getByLabel(/^Requests per minute/).fill('101');
  await admin.getByRole('button', { name: 'Save limits' }).click();
  await expect(admin.getByText('raise the label policy, runner quota or budgets')).toBeVisible();
  await expect(admin.getByLabel(/^Requests per minute/)).toHaveValue('101');
  await admin.getByLabel(/^Requests per minute/).fill('99');
  await admin.getByRole('button', { name: 'Save limits' }).click();
  await expect(admin.getByText('Limits saved.')).toBeVisible();
});
