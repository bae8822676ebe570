// Pages that say no, and requests that no page of ours sends.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { dana, stranger, superAdmin } from './support/people';
import { signIn } from './support/sign-in';
import { expect, test } from './support/test';
import { origin } from './support/watch';

const cookie = async (page: Page) =>
  (await page.context().cookies(origin())).map((one) => `${one.name}=${one.value}`).join('; ');

/** Sends what a browser would, with some of it changed. */
async function post(page: Page, path: string, body: string, headers: Record<string, string> = {}) {
  return fetch(origin() + path, {
    method: 'POST',
    redirect: 'manual',
    body,
    headers: {
      cookie: await cookie(page),
      accept: 'text/html',
      origin: origin(),
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
  });
}

test('a stranger on the administration reads why not, which rule, who can, and the request id', async ({ as, api }) => {
  const page = await as(stranger);
  const list = await page.goto('/admin/teams');
  expect(list?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required for team management');
  const team = await api.team();
  const answer = await page.goto(`/admin/teams/${team.id}`);
  expect(answer?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Access denied: not a team member');
  await expect(page.getByText('You may not see a team, its members and projects.')).toBeVisible();
  await expect(page.getByText(/A super admin, organization admin/)).toBeVisible();
  const id = await page.locator('.error-page__facts code').textContent();
  expect(id).toBeTruthy();
  expect(answer?.headers()['x-request-id']).toBe(id);
  // The same frame: one can go on.
  await page.getByRole('link', { name: 'Go to the start page' }).click();
  await expect(page).toHaveURL(`${origin()}/`);
  const create = await page.goto('/admin/teams/new');
  expect(create?.status()).toBe(403);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Admin privileges required for team management');
});

test('a page that is not there', async ({ as }) => {
  const page = await as(superAdmin, '/teams');
  for (const path of ['/nothing/here', '/admin/teams/no-such-team', '/admin/teams/00000000-0000-4000-8000-000000000000/members']) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.getByRole('heading', { level: 1, name: /^(Page|Team) not found$/ })).toBeVisible();
    await expect(page.locator('.error-page__facts code')).not.toBeEmpty();
    await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible();
  }
});

test('addresses that nobody would type are answered, too', async ({ as }) => {
  const page = await as(superAdmin, '/teams');
  for (const path of [
    '/admin/teams?q=%00',
    '/admin/teams?q=%ff%fe',
    `/admin/teams?q=${'x'.repeat(4000)}`,
    '/admin/teams?q=%25_%5C',
    '/admin/teams/a%00b',
    '/admin/teams/%ff',
    '/admin/teams/..%2f..%2fetc',
    '/provision?team=%00',
    '/tokens?confirm=revoke&token=%00',
    '/runners?cursor=%00',
    '/login?next=%00',
  ]) {
    const answer = await fetch(origin() + path, { headers: { cookie: await cookie(page), accept: 'text/html' }, redirect: 'manual' });
    expect(answer.status, path).toBeLessThan(500);
  }
});

test('another site cannot send our forms, not even from the same machine', async ({ browser, api }) => {
  // Not watched: it does visit another site.
  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(page, superAdmin, '/teams');
  const name = unique('Forged');
  const form = `name=${encodeURIComponent(name)}&organization_id=${await api.acme()}`;
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
    { 'sec-fetch-site': '', origin: 'https://evil.example' },
    { 'sec-fetch-site': '', origin: 'null' },
  ]) {
    const sent: Record<string, string> = { ...headers };
    const answer = await post(page, '/actions/teams/create', form, sent);
    expect(answer.status, JSON.stringify(headers)).toBe(403);
    expect(await answer.text()).toContain('another site sent this request');
  }

  // With a real page: another port of the same host gets the cookie sent along.
  const evil = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<form method=post action="${origin()}/actions/teams/create"><input name=name value="${name}"><button>Win</button></form>`);
  });
  await new Promise<void>((ready) => evil.listen(0, '127.0.0.1', ready));
  const address = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
  await page.goto(address);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().includes('/actions/')),
    page.getByRole('button', { name: 'Win' }).click(),
  ]);
  expect(answer.status()).toBe(403);
  expect((await answer.request().allHeaders()).cookie).toBeTruthy();
  evil.close();
  const list = await api.ok('GET', '/admin/teams?limit=1000');
  expect(list.teams.map((team: { name: string }) => team.name)).not.toContain(name);
  await context.close();
});

test('requests that make no sense get an answer that does', async ({ as }) => {
  const page = await as(superAdmin, '/teams');
  const sent: [string, string, string, Record<string, string>?][] = [
    ['an unknown function', '/actions/nothing/here', 'a=b'],
    ['JSON for a form', '/actions/teams/create', '{"name":"x"}', { 'content-type': 'application/json' }],
    ['no content type', '/actions/teams/create', 'name=x', { 'content-type': '' }],
    ['broken escapes', '/actions/teams/create', 'name=%zz%'],
    ['bytes that are no text', '/actions/teams/create', 'name=%ff%fe'],
    ['a NUL', '/actions/teams/create', 'name=a%00b'],
    ['a field twice', '/actions/teams/create', 'name=a&name=b'],
    ['too much', '/actions/teams/create', `name=${'x'.repeat(2 ** 20)}`],
    ['no team', '/actions/members/add', 'user_id=a%40b.example&role=member'],
    ['a team that is none', '/actions/teams/policy', 'team=../../etc/passwd&at=//evil.example'],
    ['a role that is none', '/actions/members/role', 'team=00000000-0000-4000-8000-000000000000&role=king'],
    ['a change that is none', '/actions/teams/status', 'change=explode'],
    ['a project that is none', '/actions/projects/delete', 'project=1%27%20OR%201=1'],
    ['a key that is none', '/actions/keys/rotate', 'key=x&overlap=-1&at=//evil.example&project=../..'],
    ['a project role that is none', '/actions/projects/members/set', 'role=king&user_id=%00'],
    ['a token that is none', '/actions/tokens/revoke', 'token=x'],
  ];
  for (const [what, path, body, headers] of sent) {
    // The connection of what is too long may end before its answer is read: then it is asked again.
    let answer: Response | undefined;
    for (let left = what === 'too much' ? 5 : 1; !answer; left -= 1) {
      answer = await post(page, path, body, headers).catch((error: unknown) => {
        if (left <= 1) throw error;
        return undefined;
      });
    }
    const location = answer.headers.get('location') ?? '';
    // A clear refusal, or back to a form of ours that says what is wrong.
    if (answer.status === 303) {
      expect(location, what).toMatch(/^\/(?!\/)/);
    } else {
      expect(answer.status, what).toBeGreaterThanOrEqual(400);
      expect(answer.status, what).toBeLessThan(500);
    }
  }
  for (const path of ['/actions/teams/create', '/actions/nothing']) {
    const answer = await fetch(origin() + path, { headers: { cookie: await cookie(page) }, redirect: 'manual' });
    expect(answer.status, path).toBeLessThan(500);
  }
});

test('a form without its fields comes back and says which', async ({ as, api }) => {
  const page = await as(superAdmin, '/admin/teams/new');
  const answer = await post(page, '/actions/teams/create', `organization_id=${await api.acme()}`);
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toBe('/admin/teams/new');
  await page.reload();
  await expect(page.getByRole('alert')).toContainText('1 field needs attention');
  await expect(page.locator('#name-error')).toBeVisible();
});

test('a form sent after the session ended leads through the sign-in and back', async ({ as }) => {
  const page = await as(dana, '/tokens');
  await page.getByLabel(/^Name/).fill('late');
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Create token' }).click();
  await expect(page).toHaveURL(/\/login\?next=%2Ftokens$/);
  await expect(page.getByText('Your session has ended.')).toBeVisible();
});

test('nobody else’s actions: what a form names is checked like any request', async ({ as, api }) => {
  const team = await api.team();
  const project = await api.project(team, 'Secret');
  const page = await as(stranger, '/teams');
  const before = await api.get(team);
  for (const [path, body] of [
    ['/actions/teams/settings', `team=${team.id}&name=Mine`],
    ['/actions/teams/policy', `team=${team.id}&max_runners=99`],
    ['/actions/teams/status', `team=${team.id}&change=archive`],
    ['/actions/members/add', `team=${team.id}&user_id=${stranger.email}&role=admin`],
    ['/actions/projects/create', `team=${team.id}&name=Mine`],
    ['/actions/projects/members/set', `team=${team.id}&project=${project.id}&user_id=${stranger.email}&role=admin`],
    ['/actions/keys/create', `team=${team.id}&project=${project.id}&name=mine&expires=never`],
    ['/actions/runners/provision', `team_id=${team.id}&labels=x`],
  ] as const) {
    const answer = await post(page, path, body);
    expect(answer.status, path).toBe(303);
  }
  expect(await api.get(team)).toEqual(before);
  expect(await api.members(team)).toEqual([]);
  expect((await api.ok('GET', `/admin/teams/${team.id}/projects/${project.id}/keys`)).keys).toEqual([]);
  await page.goto('/provision');
  await expect(page.getByRole('alert')).toContainText('User not a member of team');
});
