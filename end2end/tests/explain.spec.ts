// Why somebody may use something, or may not.
import { dana, max, nora, superAdmin, tess } from './support/people';
import { expect, test } from './support/test';
import { origin } from './support/watch';

test('a member asks about themselves and reads which rule decided', async ({ as, api }) => {
  const team = await api.team({ optional_label_patterns: ['backend-.*'], members: { [max.email]: 'member', [tess.email]: 'admin' } });
  const page = await as(max, '/admin/explain');
  await expect(page.getByLabel(/^Person or key/)).toHaveValue(max.email);
  await page.locator('#content').getByLabel(/^Team/).selectOption(team.slug);
  await page.getByLabel(/^Name/).fill('xyz-svc');
  await page.getByRole('button', { name: 'Explain' }).click();
  await expect(page.getByRole('heading', { name: 'Not allowed' })).toBeVisible();
  await expect(page.getByText("Service 'xyz-svc' not allowed for team")).toBeVisible();
  // On a phone the answer is below the form: that is where the page goes.
  await expect(page).toHaveURL(/#answer-title$/);
  await expect(page.locator('#content').getByLabel(/^Team/)).toHaveValue(team.slug);
  const steps = page.locator('.why > li');
  await expect(steps).toHaveCount(7);
  await expect(steps.filter({ hasText: 'Service catalogue No' })).toContainText('super admin');
  await expect(steps.filter({ hasText: 'Membership Yes' })).toContainText('as team_member');
  await expect(steps.filter({ hasText: 'Not reached' }).first()).toBeVisible();
  // The question is in the address, so that it can be sent to whoever can change it.
  expect(new URL(page.url()).searchParams.get('name')).toBe('xyz-svc');

  await page.getByLabel('What').selectOption('label');
  await page.getByLabel(/^Name/).fill('backend-api');
  await page.getByRole('button', { name: 'Explain' }).click();
  await expect(page.getByRole('heading', { name: 'Allowed', exact: true })).toBeVisible();
  await expect(page.getByText('by the pattern backend-.*')).toBeVisible();
});

test('about others only those who manage the members may ask', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member', [tess.email]: 'admin' } });
  const about = `/admin/explain?team=${team.slug}&who=${max.email}&service=xyz-svc`;
  for (const who of [tess, superAdmin]) {
    const page = await as(who, about);
    await expect(page.getByRole('heading', { name: 'Not allowed' }), who.email).toBeVisible();
    await page.close();
  }
  const page = await as(max, `/admin/explain?team=${team.slug}&who=${tess.email}&service=xyz-svc`);
  await expect(page.getByRole('alert')).toContainText('Insufficient permissions');
  await expect(page.getByLabel(/^Person or key/)).toHaveValue(tess.email);
});

test('of a team that is not theirs nobody learns anything', async ({ as, api }) => {
  const team = await api.team({ members: { [dana.email]: 'admin' } });
  const page = await as(nora, `/admin/explain?team=${team.id}&service=xyz-svc`);
  await expect(page.getByText('You are not a member of this team')).toBeVisible();
  await expect(page.getByText(team.name)).toHaveCount(0);
});

test('what was typed stays when it cannot be asked', async ({ as, api }) => {
  const team = await api.team({ members: { [max.email]: 'member' } });
  const page = await as(max, '/admin/explain');
  await page.locator('#content').getByLabel(/^Team/).selectOption(team.slug);
  await page.getByLabel(/^Person or key/).fill('somebody');
  await page.getByLabel(/^Name/).fill('llm-service');
  await page.getByRole('button', { name: 'Explain' }).click();
  await expect(page.getByRole('alert')).toContainText('must be an email address');
  await expect(page.getByLabel(/^Person or key/)).toHaveValue('somebody');
  await expect(page.getByLabel(/^Name/)).toHaveValue('llm-service');
});

test('a refused page leads here', async ({ as }) => {
  const page = await as(nora, '/admin/teams');
  await page.getByRole('link', { name: 'Ask why' }).click();
  await expect(page).toHaveURL(`${origin()}/admin/explain`);
  await expect(page.getByRole('heading', { level: 1, name: 'Why?' })).toBeVisible();
});

test('whoever sees more teams than their own names one', async ({ as, api }) => {
  const team = await api.team({});
  const page = await as(superAdmin, '/admin/explain');
  await page.locator('#content').getByLabel(/^Team/).fill(team.slug);
  await page.getByLabel(/^Name/).fill('xyz-svc');
  await page.getByRole('button', { name: 'Explain' }).click();
  await expect(page.locator('#content').getByLabel(/^Team/)).toHaveValue(team.slug);
  await expect(page.getByRole('heading', { name: 'Not allowed' })).toBeVisible();
});
