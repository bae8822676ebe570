// A member in need of a runner and a key, now (docs/journeys.md).
import { atEveryWidth, calm, exact, follow, found, row, staff } from '../support/journey';
import { expect, test } from '../support/test';

atEveryWidth(() => {
  test('a member gets a runner and a key', async ({ as, api }) => {
    test.slow();
    const company = await found(api);
    const { team, member } = await staff(api, company, {
      required_labels: ['docker'],
      optional_label_patterns: ['backend-.*'],
      max_runners: 1,
    });
    const page = await as(member, '/');

    await test.step('the form knows the only team, and refuses a label with what would be allowed', async () => {
      await follow(page, 'Provision a runner');
      await expect(page.getByRole('main').getByLabel(/^Team/).locator('option:checked')).toHaveText(team.name);
      await page.getByRole('main').getByLabel(/^Custom labels/).fill('gpu');
      await calm(page);
      await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
      const refusal = page.getByRole('alert').first();
      await expect(refusal).toContainText('Label not permitted by team policy: gpu');
      await expect(refusal).toContainText('backend-.*');
      await expect(refusal).toContainText('super admin or organization admin');
      await expect(page.getByRole('main').getByLabel(/^Custom labels/), 'nothing typed is lost').toHaveValue('gpu');
      await calm(page);
    });

    await test.step('with another label there is a runner, and the command that starts it', async () => {
      await page.getByRole('main').getByLabel(/^Custom labels/).fill('backend-api');
      await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
      await expect(page.getByRole('heading', { level: 1, name: /^Runner ready: / })).toBeVisible();
      await expect(page.locator('#run-command')).toContainText(/^\s*\.\/run\.sh --jitconfig [A-Za-z0-9+/=]{40,}/);
      await expect(page.getByRole('list', { name: 'Labels' }).getByRole('listitem')).toHaveText([
        'self-hosted',
        'linux',
        'x64',
        'docker',
        'backend-api',
      ]);
      await calm(page);
      expect(await api.runners(team)).toHaveLength(1);
    });

    await test.step('it is in the list, pending until it is started', async () => {
      await follow(page, 'Runners');
      const own = page.getByRole('main').getByRole('row').filter({ hasText: member.email });
      await expect(own).toHaveCount(1);
      await expect(own).toContainText('Pending');
      await exact(own.locator('time'));
      await calm(page);
    });

    await test.step('a second one is over the quota: who holds it, who can raise it, and where to ask', async () => {
      await follow(page, 'Provision a runner');
      await page.getByRole('button', { name: 'Provision JIT Runner' }).click();
      const refusal = page.getByRole('alert').first();
      await expect(refusal).toContainText('Team quota exceeded');
      await expect(refusal).toContainText('Maximum allowed: 1, current: 1');
      await expect(refusal).toContainText('ask a super admin or organization admin');
      await expect(page.getByRole('link', { name: 'Request a larger quota' })).toBeVisible();
      await calm(page);
    });

    await test.step('a key for a model, for a month, shown once', async () => {
      await follow(page, 'API keys');
      await calm(page);
      await page.getByRole('link', { name: 'Create a key' }).first().click();
      await page.getByRole('main').getByLabel(/^Name/).fill('nightly');
      await page.getByRole('main').getByLabel('Team', { exact: true }).selectOption(team.id);
      // What few need may be folded away.
      for (const folded of await page.locator('main details:not([open]) > summary').all()) await folded.click();
      await page.locator('label', { hasText: /^gpt-4o$/ }).click();
      await page.getByRole('main').getByLabel(/^Expires/).first().selectOption('30');
      await calm(page);
      await page.getByRole('button', { name: 'Create key' }).click();
      await expect(page.getByRole('heading', { name: 'Copy key nightly now' })).toBeVisible();
      const key = ((await page.locator('#new-key').textContent()) ?? '').trim();
      expect(key).toMatch(/^sk-/);
      await calm(page);
      const answer = await api.ok('POST', '/authz/check', { key, model: 'gpt-4o' });
      expect(answer).toMatchObject({ allowed: true });
      await page.reload();
      await expect(page.getByText(key)).toHaveCount(0);
    });

    await test.step('and when it ends', async () => {
      await follow(page, 'API keys');
      const own = row(page, 'nightly');
      await expect(own).toContainText('Active');
      const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
      const end = own.locator(`time[datetime^="${day}"]`);
      await expect(end).toBeVisible();
      await exact(end);
      await calm(page);
    });
  });
});
