// A team admin after a member has left (docs/journeys.md).
import { atEveryWidth, calm, employ, exact, follow, found, row, staff, tab } from '../support/journey';
import { signIn } from '../support/sign-in';
import { expect, test } from '../support/test';

atEveryWidth(() => {
  test('a member has left: their runners, keys and roles are seen to', async ({ as, api, apiOf, anyone }) => {
    test.slow();
    const company = await found(api);
    const { team, lead, member } = await staff(api, company, { max_runners: 2 });
    const stays = await employ(api, company.domain, 'Stella Stays');
    await api.ok('POST', `/admin/teams/${team.id}/members`, { user_id: stays.email });
    const project = await api.project(team, 'Ledger');
    const path = `/admin/teams/${team.id}/projects/${project.id}`;
    await api.ok('PUT', `${path}/members/${member.email}`, { role: 'member' });
    const leaver = await apiOf(member);
    const runner = await leaver.ok('POST', '/runners/jit', { runner_name_prefix: 'left', team_id: team.id });
    const { key } = await leaver.ok('POST', `${path}/keys`, { name: 'laptop' });
    await api.ok('POST', `/admin/organizations/${company.id}/services`, { name: 'ledger' });
    await api.ok('PUT', `/admin/teams/${team.id}/services`, { allowed_services: [{ service: 'ledger', reason: 'It is our job' }] });
    expect(await api.ok('POST', '/authz/check', { key, service: 'ledger' })).toMatchObject({ allowed: true });
    const page = await as(lead, '/');
    let guide = '';

    await test.step('the guide says what the member has, and in which order it goes', async () => {
      await follow(page, 'Guides');
      await page.getByRole('link', { name: 'Employee leaves team' }).click();
      await page.getByRole('main').getByLabel('Team', { exact: true }).selectOption(team.id);
      const person = page.getByRole('main').getByLabel('Person', { exact: true });
      if ((await person.evaluate((element) => element.tagName)) === 'INPUT') await person.fill(member.email);
      await page.getByRole('button', { name: 'Show steps' }).click();
      // A list of the team's members needs the team first.
      if ((await person.evaluate((element) => element.tagName)) === 'SELECT') {
        await person.selectOption(member.email);
        await page.getByRole('button', { name: 'Show steps' }).click();
      }
      guide = page.url();
      const has = page.getByRole('complementary', { name: 'What there is' });
      await expect(has).toContainText(member.email);
      await expect(has).toContainText('Ledger');
      await expect(page.getByText('1 live runner keeps running')).toBeVisible();
      await calm(page);
    });

    await test.step('the runner is found and deprovisioned, with a reason', async () => {
      await page.getByRole('link', { name: 'Open runners' }).click();
      await expect(row(page, runner.runner_name)).toContainText(member.email);
      await calm(page);
      await page.getByRole('main').getByLabel(`Select ${runner.runner_name}`).check();
      await page.getByRole('button', { name: 'Deprovision selected…' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel(/^Reason/).fill('Its owner has left the team');
      await dialog.getByRole('button', { name: 'Deprovision' }).click();
      await expect(page.getByText('1 runner deprovisioned.')).toBeVisible();
      expect((await api.get(team)).runner_count).toBe(0);
    });

    await test.step('the removal is asked first, in numbers, and done', async () => {
      await page.goto(guide);
      await page.getByRole('link', { name: 'Review and remove' }).click();
      const dialog = page.getByRole('dialog');
      await expect(dialog).toContainText(`Remove ${member.email} from ${team.name}?`);
      await expect(dialog).toContainText('Removes 1 project role');
      await expect(dialog).toContainText('Revokes 1 key');
      await calm(page);
      await dialog.getByRole('button', { name: 'Remove member' }).click();
      await expect(page.getByText(`${member.email} was removed.`)).toBeVisible();
      await expect(row(page, member.email)).toHaveCount(0);
      await expect(row(page, stays.email)).toHaveCount(1);
      await calm(page);
    });

    await test.step('the guide knows that it is done', async () => {
      await page.goto(guide);
      const steps = page.getByRole('region', { name: 'Steps' });
      await expect(steps).toContainText('4 of 4 steps done');
      await expect(steps).toContainText('is not in the team.');
      await calm(page);
    });

    await test.step('nothing works any more, and the log says who ended it', async () => {
      const now = await api.call('POST', '/authz/check', { key, service: 'ledger' });
      expect(now.body.allowed, JSON.stringify(now)).not.toBe(true);
      const own = await anyone();
      await signIn(own, member, `/admin/teams/${team.id}`);
      await expect(own.getByRole('heading', { level: 1 })).toHaveText('Access denied: not a team member');
      await calm(own);

      await follow(page, 'Teams');
      await page.getByRole('main').getByRole('link', { name: team.name, exact: true }).first().click();
      await page.getByRole('main').getByRole('link', { name: 'Audit log' }).first().click();
      const entry = page.getByRole('row', { name: /Member removed/ });
      await expect(entry).toContainText(lead.email);
      await expect(entry).toContainText(member.email);
      await exact(entry.locator('time'));
      await calm(page);
    });

    await test.step('and the quota is free for those who stay', async () => {
      await follow(page, 'Teams');
      await page.getByRole('main').getByRole('link', { name: team.name, exact: true }).first().click();
      await expect(page.locator('.usage__value').first()).toContainText('0 of 2');
      await tab(page, 'Team', 'Keys').click();
      await expect(page.getByRole('row').filter({ hasText: 'laptop' })).toHaveCount(0);
      await calm(page);
    });
  });
});
