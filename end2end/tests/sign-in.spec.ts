import { everyone, max, olga, stranger, superAdmin } from './support/people';
import { pick, signIn, signOut } from './support/sign-in';
import { expect, test } from './support/test';
import { origin, provider } from './support/watch';

test('each demo person signs in and arrives where their work is', async ({ as }) => {
  test.slow();
  for (const who of everyone) {
    const page = await as(who);
    await expect(page, who.email).toHaveURL(`${origin()}/`);
    await expect(page.locator('.user-block__name')).toHaveText(who.name);
    await page.close();
  }
});

test('a page that was asked for without a session is the page one arrives at', async ({ anyone }) => {
  const page = await anyone();
  await signIn(page, superAdmin, '/admin/teams?status=inactive');
  await expect(page).toHaveURL(`${origin()}/admin/teams?status=inactive`);
  await expect(page.getByRole('link', { name: 'Inactive' })).toHaveAttribute('aria-current', 'true');
});

for (const next of ['//evil.example', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)', '/\t/evil.example']) {
  test(`signing in never leads off our host: next=${JSON.stringify(next)}`, async ({ anyone }) => {
    const page = await anyone();
    await page.goto(`/login?next=${encodeURIComponent(next)}`);
    await pick(page, max);
    await expect(page).toHaveURL(`${origin()}/`);
  });
}

test('the session cookie is new after signing in, and nothing for scripts', async ({ anyone }) => {
  const page = await anyone();
  await page.goto('/login');
  const early = await page.context().cookies(origin());
  // Known to whoever lured the person here: it must not become theirs.
  await page.getByRole('link', { name: 'Pick a demo person' }).click();
  const pending = await page.context().cookies(origin());
  await page.getByRole('button', { name: max.email }).click();
  await expect(page).toHaveURL(`${origin()}/`);
  const later = await page.context().cookies(origin());
  for (const cookie of [...early, ...pending]) expect(later.map((other) => other.value)).not.toContain(cookie.value);
  expect(later.length).toBeGreaterThan(0);
  for (const cookie of later) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
});

test('signing out ends the session: its cookie is refused from then on', async ({ as }) => {
  const page = await as(olga, '/admin/teams');
  const cookie = (await page.context().cookies(origin())).map((one) => `${one.name}=${one.value}`).join('; ');
  const ask = () => fetch(`${origin()}/admin/teams`, { headers: { cookie }, redirect: 'manual' });
  expect((await ask()).status).toBe(200);
  await signOut(page);
  const refused = await ask();
  expect(refused.status).toBe(303);
  expect(refused.headers.get('location')).toContain('/login');
  await page.goto('/admin/teams');
  await expect(page).toHaveURL(/\/login\?next=%2Fadmin%2Fteams$/);
});

test('going back from the provider says that the sign-in was cancelled', async ({ anyone }) => {
  const page = await anyone();
  await page.goto('/login');
  await page.getByRole('link', { name: 'Pick a demo person' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page).toHaveURL(`${origin()}/login`);
  await expect(page.getByText('The sign-in was cancelled.')).toBeVisible();
});

test('an answer that this browser did not ask for signs nobody in', async ({ anyone }) => {
  const page = await anyone();
  await page.goto('/auth/callback/oidc?code=stolen&state=made-up');
  await expect(page).toHaveURL(`${origin()}/login`);
  await expect(page.getByText('This sign-in was not begun in this browser, or took too long.')).toBeVisible();
});

test('the sign-in page says that this is a demo, and leads to the provider only', async ({ anyone }) => {
  const page = await anyone();
  await page.goto('/login');
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();
  await expect(page.getByText('anyone who can open this page can be anybody')).toBeVisible();
  await page.getByRole('link', { name: 'Pick a demo person' }).click();
  await expect(page).toHaveURL((url) => url.origin === provider());
});

test('someone new sees what to do next, and no administration', async ({ as }) => {
  const page = await as(stranger);
  await expect(page.getByText('You are in no team of your own yet.')).toBeVisible();
  const navigation = page.getByRole('navigation', { name: 'Main' });
  await expect(navigation.getByRole('link', { name: 'Home' })).toHaveAttribute('aria-current', 'page');
  await expect(navigation.getByRole('link', { name: 'Teams', exact: true })).toHaveCount(0);
});
