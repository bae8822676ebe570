// Help: each page leads to its part of the docs, and the docs lead on.
import { max, tess } from './support/people';
import { expect, test } from './support/test';

test('each page leads to its part of the docs', async ({ as, world }) => {
  const team = `/admin/teams/${world.backend.id}`;
  const parts: [string, string, string][] = [
    ['/', 'Home', '/help/home'],
    [`${team}/members`, 'Members', '/help/members'],
    [`${team}/settings`, 'Settings', '/help/teams#settings'],
    ['/provision', 'Provision a runner', '/help/runners#provision-a-runner'],
    [`${team}/manifest`, 'Manifests', '/help/kubectl#manifests'],
    ['/nothing/here', 'All pages', '/help'],
  ];
  const page = await as(tess);
  for (const [path, title, href] of parts) {
    await page.goto(path);
    const link = page.locator('.topbar').getByRole('link', { name: `Help: ${title}`, exact: true });
    await expect(link).toHaveText('Help');
    await expect(link).toHaveAttribute('href', href);
  }
});

test('help is read, and leads on', async ({ as }) => {
  const page = await as(max, '/admin/explain');
  await page.getByRole('link', { name: 'Help: Why?' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Why?');
  await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: 'Help' }).click();
  await expect(page).toHaveURL(/\/help$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Help');
  await page.getByRole('main').getByRole('link', { name: 'Policy and services' }).click();
  await page.getByRole('navigation', { name: 'On this page' }).getByRole('link', { name: 'The catalogue' }).click();
  await expect(page).toHaveURL(/#the-catalogue$/);
  await expect(page.getByRole('heading', { name: 'The catalogue' })).toBeInViewport();
  await page.getByRole('link', { name: 'Why?', exact: true }).last().click();
  await expect(page).toHaveURL(/\/help\/explain$/);
});

test('every page that the index lists is there, with every heading that is linked to', async ({ as }) => {
  test.slow();
  const page = await as(max, '/help');
  const links = page.locator('.help-index a');
  const pages = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
  expect(pages.length).toBeGreaterThan(15);
  const anchors = new Set<string>();
  for (const path of pages) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(200);
    for (const link of await page.locator('.prose a').all()) anchors.add((await link.getAttribute('href')) ?? '');
  }
  for (const link of anchors) {
    await page.goto(link);
    const anchor = new URL(page.url()).hash.slice(1);
    if (anchor) await expect(page.locator(`[id="${anchor}"]`), link).toHaveCount(1);
  }
});

test('what is no help page says so, and help asks who one is', async ({ as, anyone }) => {
  const page = await as(max);
  expect((await page.goto('/help/nothing'))?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Help page not found');
  const stranger = await anyone();
  await stranger.goto('/help/members');
  await expect(stranger).toHaveURL(/\/login\?next=%2Fhelp%2Fmembers$/);
});
