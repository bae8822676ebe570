// Machine clients: registered, switched off and on, deleted by those who administer the team's organization (SPEC B27).
import { unique } from './support/api';
import { audrey, orgAdmin } from './support/people';
import { expect, test } from './support/test';

test('b27: a machine client from its registration to its end', async ({ as, api }) => {
  const team = await api.team();
  const [subject, name] = [unique('ci').replace(/ /g, '-'), unique('Pipeline')];
  const page = await as(orgAdmin, '/admin/machine-clients');
  await page.getByLabel(/^Client id/).fill(subject);
  await page.getByLabel(/^Name/).fill(name);
  await page.locator('#content').getByLabel(/^Team/).selectOption(team.id);
  await page.getByRole('button', { name: 'Register' }).click();
  await page.goto(`/admin/machine-clients?team=${team.id}`);
  await expect(page.getByRole('columnheader')).toHaveText(['Name', 'Team', 'Runners', 'Last used', 'Status', 'Actions']);
  const row = page.getByRole('row').filter({ hasText: name });
  for (const words of [subject, team.name, 'never', 'Active']) await expect(row).toContainText(words);

  await test.step('a second one for the team is refused, with what was typed', async () => {
    await page.getByLabel(/^Client id/).fill(`${subject}-2`);
    await page.locator('#content').getByLabel(/^Team/).selectOption(team.id);
    await page.getByRole('button', { name: 'Register' }).click();
    await expect(page.getByRole('alert')).toContainText(name);
    await expect(page.getByLabel(/^Client id/)).toHaveValue(`${subject}-2`);
  });

  const list = async () => (await api.ok('GET', `/admin/oauth-clients?team_id=${team.id}`)).clients;
  await test.step('it is switched off and on', async () => {
    for (const [button, badge] of [['Disable', 'Disabled'], ['Enable', 'Active']] as const) {
      await page.goto(`/admin/machine-clients?team=${team.id}`);
      await row.getByRole('button', { name: button }).click();
      await page.goto(`/admin/machine-clients?team=${team.id}`);
      await expect(row).toContainText(badge);
      expect((await list())[0].is_active).toBe(badge === 'Active');
    }
  });

  await test.step('an auditor sees it and can do nothing', async () => {
    const seen = await as(audrey, `/admin/machine-clients?team=${team.id}`);
    await expect(seen.getByRole('row').filter({ hasText: name })).toBeVisible();
    await expect(seen.getByRole('button', { name: /Register|Disable/ })).toHaveCount(0);
  });

  await test.step('and deleted, after a question', async () => {
    await row.getByRole('link', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText(`Delete ${name}?`);
    await expect(dialog).toContainText('It has no live runners');
    await dialog.getByRole('button', { name: 'Delete machine client' }).click();
    await expect(page.getByRole('row').filter({ hasText: name })).toHaveCount(0);
    expect(await list()).toEqual([]);
  });
});
