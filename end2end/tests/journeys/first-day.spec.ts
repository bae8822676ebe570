// A super_admin on the first day: an organization, its admin, a team, a service, and whether all is well (docs/journeys.md).
import { unique } from '../support/api';
import { atEveryWidth, calm, follow, row, tab } from '../support/journey';
import { hire, superAdmin } from '../support/people';
import { signIn } from '../support/sign-in';
import { expect, test } from '../support/test';
import { origin } from '../support/watch';

atEveryWidth(() => {
  test('the first day of a super_admin', async ({ as, api, anyone }) => {
    test.slow();
    const name = unique('Harbour');
    const domain = `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.example`;
    const head = await hire('Hanna Head', domain);
    const page = await as(superAdmin, '/');

    await test.step('an organization, with its email domain', async () => {
      await follow(page, 'Organizations');
      await calm(page);
      await page.getByRole('link', { name: 'Create organization' }).first().click();
      await page.getByRole('main').getByLabel(/^Name/).fill(name);
      await page.getByRole('main').getByLabel(/^(Email )?[Dd]omains/).fill(domain);
      await calm(page);
      await page.getByRole('button', { name: 'Create organization' }).click();
      await expect(page.getByText(`Organization ${name} was created.`)).toBeVisible();
      await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
      await expect(page.getByText('This organization has no admin of its own')).toBeVisible();
      await calm(page);
    });
    const organization = new URL(page.url()).pathname;

    await test.step('its first admin, who has no account yet', async () => {
      await follow(page, 'Users');
      await page.getByRole('link', { name: 'Create user' }).first().click();
      await page.getByRole('main').getByLabel(/^Email/).fill(head.email);
      await page.getByRole('main').getByLabel(/^Name/).fill(head.name);
      await page.getByRole('main').getByLabel(/^Organization/).selectOption({ label: name });
      await page.getByRole('main').getByLabel('Role in it').selectOption('org_admin');
      await calm(page);
      await page.getByRole('button', { name: 'Create user' }).click();
      await expect(page.getByText(`User ${head.email} was created.`)).toBeVisible();
      await expect(page.getByRole('listitem').filter({ hasText: name })).toContainText('Organization admin');
      await calm(page);
      await page.goto(organization);
      await expect(page.getByText('This organization has no admin of its own')).toHaveCount(0);
      await expect(page.getByRole('main')).toContainText(head.name);
    });

    await test.step('a team, created from the organization', async () => {
      await page.getByRole('main').getByRole('link', { name: 'Create Team' }).first().click();
      await expect(page.getByRole('main').getByLabel(/^Organization/).locator('option:checked')).toHaveText(name);
      await page.getByRole('main').getByLabel(/^Name/).fill('Cranes');
      await page.getByRole('main').getByLabel(/^Description/).fill('Lifts what others ship.');
      await page.getByRole('main').getByLabel(/^Required labels/).fill('linux');
      await page.getByRole('main').getByLabel(/^Optional label patterns/).fill('crane-.*');
      await page.getByRole('main').getByLabel(/^Max runners/).fill('4');
      // A super admin from outside the organization's email domain cannot be the team's admin. The label lies over its box.
      const own = page.getByRole('main').getByLabel(/^Make me its admin/);
      if (await own.isChecked()) await page.locator('label', { hasText: 'Make me its admin' }).click();
      await expect(own).not.toBeChecked();
      await calm(page);
      await page.getByRole('button', { name: 'Create Team' }).click();
      await expect(page.getByText('Team Cranes was created.')).toBeVisible();
      await expect(page.getByRole('heading', { level: 1 })).toContainText('Cranes');
      await calm(page);
    });
    const team = new URL(page.url()).pathname;

    await test.step('a service in the catalogue, and the team may use it, for a reason', async () => {
      await page.goto(organization);
      await page.getByRole('main').getByRole('link', { name: 'Services', exact: true }).first().click();
      await page.getByRole('main').getByRole('link', { name: 'Add service' }).first().click();
      await page.getByRole('main').getByLabel(/^Name/).fill('tide-tables');
      await page.getByRole('main').getByLabel(/^Description/).fill('When the water is high.');
      await calm(page);
      await page.getByRole('button', { name: 'Add service' }).click();
      await expect(page.getByText('Service tide-tables was added. No team may use it yet.')).toBeVisible();
      await calm(page);
      await page.goto(team);
      await tab(page, 'Team', 'Policy').click();
      await row(page, 'tide-tables').getByRole('link', { name: /^Allow/ }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel(/^Reason/).fill('Cranes wait for high water');
      await dialog.getByRole('button', { name: 'Allow service' }).click();
      await expect(row(page, 'tide-tables').getByText('Allowed', { exact: true })).toBeVisible();
      await expect(row(page, 'tide-tables')).toContainText('Cranes wait for high water');
      await calm(page);
    });

    await test.step('the systems around it answer, and nothing needs an operator for it', async () => {
      await follow(page, 'Sync');
      await expect(page.getByText('GitHub runners').first()).toBeVisible();
      await expect(page.getByText('Not configured')).toHaveCount(0);
      await calm(page);
      await follow(page, 'Alerts');
      await expect(page.getByText(name)).toHaveCount(0);
      await calm(page);
    });

    await test.step('all of it is written down', async () => {
      await page.goto(`${team}`);
      await page.getByRole('main').getByRole('link', { name: 'Audit log' }).first().click();
      for (const event of ['Team created', 'Team services changed']) {
        await expect(page.getByRole('row').filter({ hasText: event })).toContainText(superAdmin.email);
      }
      await calm(page);
    });

    await test.step('the new org_admin signs in, and finds the organization and what can be done in it', async () => {
      const own = await anyone();
      await signIn(own, head, '/');
      await follow(own, 'Teams');
      await expect(own).toHaveURL(`${origin()}/admin/teams`);
      await row(own, 'Cranes').getByRole('link', { name: 'Cranes', exact: true }).click();
      await expect(own.getByRole('heading', { level: 1 })).toContainText('Cranes');
      await tab(own, 'Team', 'Members').click();
      await expect(own.getByRole('button', { name: 'Add Member' })).toBeVisible();
      await calm(own);
    });

    const allowed = await api.ok('GET', `/admin/teams/${team.split('/').pop()}/services`);
    expect(allowed.allowed_services).toMatchObject([{ service: 'tide-tables', reason: 'Cranes wait for high water' }]);
  });
});
