// The directory of an organization: its token from the console, used as a directory does, revoked.
import { unique } from './support/api';
import { audrey, olga, superAdmin } from './support/people';
import { expect, makeToken, test } from './support/test';
import { origin } from './support/watch';

const scim = (token: string, path: string, body?: object) =>
  fetch(`${origin()}/scim/v2${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: body && JSON.stringify(body),
  });

test('a token made in the console lets the directory send people and groups', async ({ as, api }) => {
  const organization = await api.ok('POST', '/admin/organizations', { name: unique('Directory') });
  const path = `/admin/organizations/${organization.slug}/directory`;
  const name = unique('Entra');
  const page = await as(superAdmin, path);
  await expect(page.getByText('No tokens')).toBeVisible();
  await expect(page.locator('#scim-url')).toHaveText(`${origin()}/scim/v2`);
  const token = await makeToken(page, name);
  await expect(page.getByText('Copy this token now')).toBeVisible();
  expect(token).toMatch(/^ghscim_/);
  await page.reload();
  expect(await page.content()).not.toContain(token);

  const [person, group] = [`${unique('joiner').replace(/ /g, '-').toLowerCase()}@example.com`, unique('Builders')];
  const user = await scim(token, '/Users', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: person,
    emails: [{ type: 'work', value: person, primary: true }],
  });
  expect(user.status).toBe(201);
  const made = await scim(token, '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: group,
    members: [{ value: (await user.json()).id }],
  });
  expect(made.status).toBe(201);

  await test.step('the group and the team that it feeds are shown', async () => {
    await page.goto(path);
    const row = page.getByRole('row').filter({ hasText: group });
    await expect(row.getByRole('cell').first()).toHaveText('1');
    await expect(page.getByRole('row').filter({ hasText: name })).not.toContainText('never');
    await row.getByRole('link', { name: group }).click();
    await page.getByRole('navigation', { name: 'Team' }).getByRole('link', { name: /^Members/ }).click();
    await expect(page.getByRole('row').filter({ hasText: person })).toBeVisible();
  });

  await test.step('revoked, it is refused', async () => {
    await page.goto(path);
    await page.getByRole('link', { name: `Revoke ${name}` }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText(`Revoke ${name}?`);
    await dialog.getByRole('button', { name: 'Revoke token' }).click();
    await expect(page.getByText('The token was revoked.')).toBeVisible();
    const refused = await scim(token, '/Users');
    expect(refused.status).toBe(401);
    expect((await refused.json()).schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error']);
  });
});

test('a token needs a name, and what was chosen stays', async ({ as }) => {
  const page = await as(olga, '/admin/organizations/acme/directory');
  await page.getByLabel(/^Name/).fill('   ');
  await page.getByLabel('Expires').selectOption('730');
  await page.getByRole('button', { name: 'Create token' }).click();
  await expect(page.getByLabel(/^Name/)).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('Expires')).toHaveValue('730');
});

test('an auditor sees the directory and connects nothing', async ({ as }) => {
  const page = await as(audrey, '/admin/organizations/acme/directory');
  await expect(page.getByRole('heading', { name: 'SCIM' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Create token' })).toHaveCount(0);
});
