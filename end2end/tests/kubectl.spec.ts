// kubectl: manifests of teams and organizations, kubeconfigs, and what the console says of what was declared.
import { readFileSync } from 'node:fs';
import { request as over } from 'node:https';
import type { Page } from '@playwright/test';
import { unique } from './support/api';
import { dana, max, orgAdmin, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

/** What a kubeconfig tells kubectl. */
interface Access {
  server: string;
  ca: Buffer;
  token: string;
  namespace: string | undefined;
}

function read(kubeconfig: string): Access {
  const value = (name: string) => new RegExp(`^ *${name}: "?([^"\n]*)"?$`, 'm').exec(kubeconfig)?.[1];
  const [server, ca, token] = ['server', 'certificate-authority-data', 'token'].map(value);
  if (!server || !ca || !token) throw new Error(`no kubeconfig: ${kubeconfig}`);
  return { server, ca: Buffer.from(ca, 'base64'), token, namespace: value('namespace') };
}

/** Sends what kubectl would. */
function send(access: Access, method: string, path: string, body?: unknown): Promise<{ status: number; body: any }> {
  return new Promise((done, failed) => {
    const headers = { authorization: `Bearer ${access.token}`, 'content-type': 'application/json', accept: 'application/json' };
    const query = method === 'GET' ? '' : '?fieldManager=kubectl-client-side-apply';
    const url = `${access.server}/apis/auth.litellm.ai/v1alpha1/namespaces/acme/${path}${query}`;
    const request = over(url, { method, headers, ca: access.ca }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => done({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }));
    });
    request.once('error', failed);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** On /tokens: makes a kubeconfig and returns its text. */
async function makeKubeconfig(page: Page): Promise<string> {
  await page.locator('#kubectl').getByLabel('Organization').selectOption('acme');
  await page.getByLabel('Valid for').selectOption('30');
  await page.getByRole('button', { name: 'Create kubeconfig' }).click();
  await expect(page.getByRole('heading', { name: 'Save this kubeconfig now' })).toBeVisible();
  return (await page.locator('#kubeconfig-text').textContent()) ?? '';
}

test('a kubeconfig is shown once, downloads, and works', async ({ as }) => {
  const page = await as(tess, '/tokens');
  const text = await makeKubeconfig(page);
  const access = read(text);
  expect(access.namespace).toBe('acme');
  const file = page.waitForEvent('download');
  await page.locator('.secret').getByRole('link', { name: 'Download' }).click();
  const download = await file;
  expect(download.suggestedFilename()).toBe('guildhall.kubeconfig');
  expect(readFileSync(await download.path(), 'utf8')).toBe(text);

  const teams = await send(access, 'GET', 'teams');
  expect(teams.status).toBe(200);
  expect(teams.body.kind).toBe('TeamList');

  await page.reload();
  expect(await page.content()).not.toContain(access.token);
  const row = page.getByRole('row').filter({ hasText: 'kubeconfig' }).first();
  await expect(row).toContainText('guildhall_pat_');
  const month = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  await expect(row.locator(`time[datetime^="${month}"]`)).toBeVisible();
});

test('what was declared says so where it is changed', async ({ as, api }) => {
  const name = unique('declared').replaceAll(' ', '-');
  const access = read(await makeKubeconfig(await as(superAdmin, '/tokens')));
  const declare = (kind: string, path: string, metadata: string, spec: object) =>
    send(access, 'POST', path, {
      apiVersion: 'auth.litellm.ai/v1alpha1',
      kind,
      metadata: { name: metadata, namespace: 'acme' },
      spec: { connectionRef: { instanceRef: { name: 'litellm-example', namespace: 'litellm' } }, ...spec },
    });
  const team = await declare('Team', 'teams', name, { teamAlias: name });
  expect(team.status, JSON.stringify(team.body)).toBe(201);
  const id: string = team.body.status.teamID;
  const member = await declare('TeamMemberAssociation', 'teammemberassociations', `tess-${name}`, {
    role: 'admin',
    teamAlias: name,
    userEmail: tess.email,
  });
  expect(member.status, JSON.stringify(member.body)).toBe(201);
  await api.ok('POST', `/admin/teams/${id}/members`, { user_id: max.email, role: 'member' });

  const page = await as(tess, `/admin/teams/${id}/settings`);
  const notice = page.locator('.callout').filter({ hasText: 'Declared in a manifest' });
  await expect(notice).toContainText(`Declared as team ${name} in namespace acme by kubectl-client-side-apply`);
  await page.goto(`/admin/teams/${id}/members`);
  await expect(notice).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: tess.email }).getByText('declared')).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: max.email }).getByText('declared')).toHaveCount(0);
  await notice.getByRole('link', { name: 'Show the YAML' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${id}/manifest`);
  await expect(page.locator('#manifest')).toContainText(`teamAlias: ${name}`);
});

test('a team has its manifest, and a file of it', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin', [max.email]: 'member' } });
  const page = await as(max, `/admin/teams/${team.slug}/settings`);
  await expect(page.getByText('Declared in a manifest')).toHaveCount(0);
  await page.getByRole('link', { name: 'Manifest', exact: true }).click();
  await expect(page).toHaveURL(`${origin()}/admin/teams/${team.slug}/manifest`);
  const text = (await page.locator('#manifest').textContent()) ?? '';
  for (const part of ['kind: Team\n', `userEmail: ${tess.email}`, `userEmail: ${max.email}`, 'role: admin', 'namespace: acme']) {
    expect(text).toContain(part);
  }
  const file = page.waitForEvent('download');
  await page.getByRole('main').getByRole('link', { name: 'Download' }).click();
  const download = await file;
  expect(download.suggestedFilename()).toBe(`${team.slug}.yaml`);
  expect(readFileSync(await download.path(), 'utf8').trim()).toBe(text.trim());
  // Nobody else's.
  const other = await as(dana, '/teams');
  expect((await other.goto(`/admin/teams/${team.id}/manifest`))?.status()).toBe(403);
  expect((await other.request.get(`/admin/teams/${team.id}/manifest.yaml`)).status()).toBe(403);
});

test('an organization is exported', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(orgAdmin, '/admin/organizations/acme/settings');
  const file = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Export as manifests' }).click();
  const download = await file;
  expect(download.suggestedFilename()).toBe('acme.yaml');
  const text = readFileSync(await download.path(), 'utf8');
  expect(text).toContain(`teamAlias: ${team.name}`);
  expect(text).toContain('kind: User\n');
});

test('there is a page on kubectl', async ({ as }) => {
  const page = await as(max, '/');
  await page.goto('/tokens');
  await page.getByRole('link', { name: 'How kubectl works here' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('kubectl');
  await expect(page.getByText('guildhall apply -f team.yaml')).toBeVisible();
});
