// What JavaScript adds: rules while typing, copying, the theme, dialogs as modals.
import type { Page } from '@playwright/test';
import { max, superAdmin, tess } from './support/people';
import { expect, makeToken, test } from './support/test';
import { unique } from './support/api';
import { origin } from './support/watch';

const POLICY = { required_labels: ['docker'], optional_label_patterns: ['app-.*'], max_runners: 5 };

test('the provisioning form shows labels, name and quota while one types', async ({ as, api }) => {
  const team = await api.team({ ...POLICY, members: { [max.email]: 'member' } });
  const page = await as(max, '/provision');
  const preview = page.getByRole('complementary', { name: 'Preview' });
  // The form begins with the team of last time, where there was one.
  await page.locator('#content').getByLabel(/^Team/).selectOption('');
  await expect(preview.getByText('Choose a team to see the labels.')).toBeVisible();
  await page.locator('#content').getByLabel(/^Team/).selectOption(team.id);
  await expect(preview.getByRole('listitem')).toContainText(['self-hosted', 'linux', 'x64', 'docker']);
  await expect(preview.locator('.usage__value')).toHaveText('0 of 5');
  await expect(page.getByText(`${team.slug}-······`)).toBeVisible();
  await page.getByLabel(/^Runner name prefix/).fill('nightly');
  await expect(page.getByText('nightly-······')).toBeVisible();
  await page.getByLabel(/^Runner name prefix/).fill('no spaces');
  await expect(page.getByText('1 to 50 letters, digits, - and _; six characters drawn at random come after it.')).toBeVisible();
  await page.getByLabel(/^Custom labels/).pressSequentially('app-backend');
  await expect(preview.getByRole('listitem').last()).toHaveText('app-backend');
  await page.getByLabel(/^Custom labels/).fill('app-backend, gpu');
  await expect(preview.getByText('Label not permitted by team policy: gpu')).toBeVisible();
  // Another team, other rules.
  await page.locator('#content').getByLabel(/^Team/).selectOption({ label: 'Engineering' });
  await expect(preview.getByText('Label not permitted by team policy')).toHaveCount(0);
  await expect(preview.getByRole('listitem').filter({ hasText: 'gpu' })).toHaveCount(1);
});

test('after a refusal the preview starts from what was typed', async ({ as, api }) => {
  const team = await api.team({ ...POLICY, members: { [max.email]: 'member' } });
  const page = await as(max, `/provision?team=${team.id}`);
  await page.getByLabel(/^Custom labels/).fill('gpu');
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await expect(page.getByRole('alert')).toContainText('Label not permitted by team policy: gpu');
  await expect(page.getByRole('complementary', { name: 'Preview' })).toContainText('Label not permitted by team policy: gpu');
});

test('the tester follows the form that is not saved yet', async ({ as, api }) => {
  const team = await api.team(POLICY);
  const page = await as(superAdmin, `/admin/teams/${team.id}/policy`);
  const tester = page.getByRole('complementary', { name: 'Try labels' });
  await tester.getByLabel('Labels to try').pressSequentially('gpu');
  await expect(tester.getByText('Refused.')).toBeVisible();
  await page.getByLabel(/^Optional label patterns/).fill('app-.*, gpu');
  await expect(tester.getByText('Allowed.')).toBeVisible();
  await page.getByLabel(/^Required labels/).fill('docker, arm');
  await expect(tester.getByRole('listitem')).toContainText(['self-hosted', 'linux', 'x64', 'docker', 'arm', 'gpu']);
  await page.getByLabel(/^Optional label patterns/).fill('app-.*, gpu(');
  await expect(tester.getByText("Invalid regex pattern 'gpu('")).toBeVisible();
  expect(await api.get(team)).toMatchObject(POLICY);
});

test('the tester on the form for a new team', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams/new');
  await page.getByLabel(/^Optional label patterns/).fill('app');
  await page.getByLabel('Labels to try').fill('apple');
  await expect(page.getByText('Refused.')).toBeVisible();
  await page.getByLabel('Labels to try').fill('app');
  await expect(page.getByText('Allowed.', { exact: true })).toBeVisible();
});

test('copy buttons copy, and say so', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const page = await as(max, `/provision?team=${team.id}`);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: origin() });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
  await page.getByText('The configuration alone').click();
  for (const id of ['run-command', 'jit-config']) {
    const button = page.locator(`[data-copy="${id}"]`);
    await button.click();
    await expect(button).toHaveText('Copied');
    expect(await clipboard()).toBe((await page.locator(`#${id}`).textContent())?.trim());
  }
  await expect(page.getByRole('status').filter({ hasText: 'Copied' })).toHaveCount(1);
  await page.goto('/tokens');
  const token = await makeToken(page, unique('copied'));
  await page.locator('[data-copy="new-token-text"]').click();
  await expect(page.locator('[data-copy="new-token-text"]')).toHaveText('Copied');
  expect(await clipboard()).toBe(token);
  await page.goto(`/admin/teams/${team.id}`);
  await page.getByRole('button', { name: 'Copy team id' }).click();
  await expect.poll(clipboard).toBe(team.id);
});

test('the theme follows the system, or the switch', async ({ as }) => {
  const page = await as(max, '/teams');
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const theme = page.getByRole('group', { name: 'Theme' });
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await background();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(background).not.toBe(light);
  const dark = await background();
  await theme.getByRole('button', { name: 'Light' }).click();
  await expect.poll(background).toBe(light);
  await expect(theme.getByRole('button', { name: 'Light' })).toHaveAttribute('aria-pressed', 'true');
  await page.goto('/runners');
  expect(await background()).toBe(light);
  await page.emulateMedia({ colorScheme: 'light' });
  await theme.getByRole('button', { name: 'Dark' }).click();
  await expect.poll(background).toBe(dark);
  await theme.getByRole('button', { name: 'System' }).click();
  await expect.poll(background).toBe(light);
});

test('a choice in a toolbar applies at once', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams');
  await page.getByLabel('Organization').selectOption({ label: 'Acme' });
  await expect(page).toHaveURL(/organization=[0-9a-f-]{36}/);
  await expect(page.getByLabel('Organization').locator('option:checked')).toHaveText('Acme');
});

test('messages are dismissed in place', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/settings`);
  await page.getByRole('button', { name: 'Save Changes' }).click();
  await expect(page.getByText('Changes saved.')).toBeVisible();
  await page.getByRole('link', { name: 'Dismiss' }).click();
  await expect(page.getByText('Changes saved.')).toHaveCount(0);
});

test('pages without an island load no wasm', async ({ as }) => {
  const loaded: string[] = [];
  const page = await as(max, '/teams');
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
  const wasm = () => loaded.filter((path) => path.endsWith('.wasm'));
  await page.goto('/runners');
  expect(wasm()).toEqual([]);
  await page.goto('/provision');
  await expect.poll(wasm).toHaveLength(1);
});

/** Where the focus is, in words. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    return at ? `${at.tagName.toLowerCase()}#${at.id} ${at.getAttribute('aria-label') ?? at.textContent?.trim() ?? ''}` : '';
  });

test('by keyboard: skip link, navigation, content', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toContain('Create Team');

  await page.goto('/admin/teams');
  const reached: string[] = [];
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press('Tab');
    reached.push(await focused(page));
    const ring = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement ?? document.body);
      return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
    });
    expect(ring, `focus is visible on ${reached.at(-1)}`).toBe(true);
  }
  for (const name of ['My teams', 'Runners', 'Provision a runner', 'API keys', 'Access tokens', 'Organizations', 'Teams', 'Users', 'Access reviews', 'Audit log', 'Light', 'Sign out']) {
    expect(reached.some((one) => one.includes(name)), `${name} in ${reached.join(' | ')}`).toBe(true);
  }
});

test('by keyboard: menus open, close and give the focus back', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams?q=Backend+Team');
  const menu = page.getByLabel('Actions for Backend Team');
  await menu.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'Manage Members' })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Manage Members' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('link', { name: 'Manage Members' })).toBeHidden();
  await expect(menu).toBeFocused();
  await menu.click();
  await page.getByRole('heading', { level: 1 }).click();
  await expect(page.getByRole('link', { name: 'Manage Members' })).toBeHidden();
});

test('by keyboard: Escape closes the menu of a phone', async ({ as }) => {
  const page = await as(superAdmin, '/');
  await page.setViewportSize({ width: 390, height: 844 });
  const menu = page.getByLabel('Menu', { exact: true });
  await menu.focus();
  await page.keyboard.press('Enter');
  const entry = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'My teams' });
  await expect(entry).toBeVisible();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await expect(entry).toBeHidden();
  await expect(menu).toBeFocused();
});

test('by keyboard: a dialog holds the focus, and Escape leaves it', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(superAdmin, `/admin/teams/${team.id}/settings`);
  await page.getByRole('link', { name: 'Deactivate' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  expect(await dialog.evaluate((element) => element.matches(':modal'))).toBe(true);
  await expect(page.getByLabel(/^Reason/)).toBeFocused();
  for (let step = 0; step < 8; step += 1) {
    await page.keyboard.press('Tab');
    const outside = await page.evaluate(() => {
      const at = document.activeElement;
      // The browser's own controls may come in between; the page behind may not.
      return at !== document.body && !at?.closest('dialog');
    });
    expect(outside, await focused(page)).toBe(false);
  }
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.id}/settings`);
  // Reloading does not ask again.
  await page.reload();
  await expect(dialog).toHaveCount(0);
  expect((await api.get(team)).status).toBe('active');
});

test('mistakes take the focus', async ({ as }) => {
  const page = await as(superAdmin, '/admin/teams/new');
  await page.getByLabel(/^Name/).fill('X');
  await page.getByRole('button', { name: 'Create Team' }).click();
  await expect(page.locator('#form-errors')).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByLabel(/^Name/)).toBeFocused();
});

test('one box ticks them all, and says when only some are', async ({ as, api, apiOf }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const own = await apiOf(max);
  for (const runner_name_prefix of ['one', 'two']) await own.ok('POST', '/runners/jit', { runner_name_prefix, team_id: team.id });
  const page = await as(max, `/runners?team=${team.id}`);
  const all = page.getByLabel('Select all');
  const boxes = page.locator('tbody').getByRole('checkbox');
  await all.check();
  for (const box of await boxes.all()) await expect(box).toBeChecked();
  await boxes.first().uncheck();
  await expect(all).not.toBeChecked();
  expect(await all.evaluate((box: HTMLInputElement) => box.indeterminate)).toBe(true);
  await boxes.first().check();
  await expect(all).toBeChecked();
});
