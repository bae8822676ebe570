// An org_admin with 40 people to onboard (docs/journeys.md).
import { atEveryWidth, calm, choose, exact, follow, found, row, staff, tab } from '../support/journey';
import type { Api } from '../support/api';
import { hire } from '../support/people';
import { signIn } from '../support/sign-in';
import { expect, test } from '../support/test';

const PEOPLE = 40;
/** How many of them have signed in before; the others have no account. */
const KNOWN = 30;

/** That many addresses of the company; the first ones get an account, a few at a time. */
async function hireAll(api: Api, domain: string): Promise<string[]> {
  const emails = Array.from({ length: PEOPLE }, (_, index) => `new.person-${String(index + 1).padStart(2, '0')}@${domain}`);
  for (let from = 0; from < KNOWN; from += 8) {
    const some = emails.slice(from, Math.min(from + 8, KNOWN));
    await Promise.all(some.map((email) => api.ok('POST', '/admin/users', { email })));
  }
  return emails;
}

atEveryWidth(() => {
  test('an org_admin onboards 40 people', async ({ as, api, anyone }) => {
    test.slow();
    const company = await found(api);
    const { team, lead } = await staff(api, company);
    const emails = await hireAll(api, company.domain);
    const newcomer = await hire('Nia Newcomer', company.domain);
    const wrong = `new.person-07@my${company.domain}`;
    const list = [...emails.map((email) => (email.includes('-07@') ? wrong : email)), `${newcomer.name} <${newcomer.email}>, admin`];
    const page = await as(company.head, '/');

    await test.step('from the team to its members to a list of them', async () => {
      await follow(page, 'Teams');
      await calm(page);
      await page.getByRole('link', { name: team.name, exact: true }).first().click();
      await tab(page, 'Team', 'Members').click();
      await calm(page);
      await page.getByRole('link', { name: 'Add several' }).click();
      await calm(page);
    });

    await test.step('the preview says what would happen, and a mistyped address comes first', async () => {
      await page.getByRole('main').getByLabel('People').fill(list.join('\n'));
      await page.getByRole('button', { name: 'Preview' }).click();
      const rows = page.getByRole('main').locator('tbody tr');
      await expect(rows).toHaveCount(PEOPLE + 1);
      await expect(rows.first()).toContainText(wrong);
      await expect(rows.first()).toContainText('Problem');
      await expect(rows.first()).toContainText("not in this organization's email domains");
      await expect(row(page, newcomer.email)).toContainText('Will be invited');
      await calm(page);
      expect(await api.members(team), 'nobody is added by looking').toHaveLength(2);
    });

    await test.step('it is corrected, and everybody is added at once', async () => {
      await page.getByRole('button', { name: 'Go back and edit' }).click();
      const typed = await page.getByRole('main').getByLabel('People').inputValue();
      await page.getByRole('main').getByLabel('People').fill(typed.replace('@my', '@'));
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByRole('button', { name: `Add all ${PEOPLE + 1}` }).click();
      await expect(page.getByText(`${KNOWN} people were added. Invited, until their first sign-in: ${PEOPLE + 1 - KNOWN}.`)).toBeVisible();
      const members = await api.members(team);
      expect(members).toHaveLength(KNOWN + 2);
      await calm(page);
    });

    await test.step('who has no account yet is on a list of its own', async () => {
      await page.getByRole('link', { name: 'See the invitations' }).click();
      await expect(page.getByRole('main').locator('tbody tr')).toHaveCount(PEOPLE + 1 - KNOWN);
      await expect(row(page, newcomer.email)).toContainText('Team admin');
      await exact(row(page, newcomer.email).locator('time').first());
      await calm(page);
      await tab(page, 'Team', 'Members').click();
    });

    await test.step('one of them is found among the others, and made a second admin', async () => {
      await page.getByRole('searchbox', { name: 'Search members' }).fill('person-23');
      await page.getByRole('searchbox', { name: 'Search members' }).press('Enter');
      await expect(page.getByRole('main').locator('tbody tr')).toHaveCount(1);
      const email = emails[22] ?? '';
      await expect(row(page, email)).toContainText('never');
      await exact(row(page, email).locator('time'));
      await choose(page, email, 'Make team admin');
      await expect(page.getByText(`${email} is now an admin of the team.`)).toBeVisible();
      await calm(page);
    });

    await test.step('they belong to the organization by that alone', async () => {
      await follow(page, 'Organizations');
      await page.getByRole('main').getByRole('link', { name: company.name, exact: true }).first().click();
      await tab(page, 'Organization', 'People').click();
      // With its head, the team's admin and its member.
      await expect(tab(page, 'Organization', 'People')).toContainText(String(KNOWN + 3));
      await calm(page);
    });

    await test.step('the guide says of one of them what is done and what comes next', async () => {
      await follow(page, 'Guides');
      await page.getByRole('link', { name: 'New employee onboarding' }).click();
      await page.getByRole('main').getByLabel('Team', { exact: true }).selectOption(team.id);
      await page.getByRole('main').getByLabel('Person', { exact: true }).fill(emails[22] ?? '');
      await page.getByRole('button', { name: 'Show steps' }).click();
      const steps = page.getByRole('region', { name: 'Steps' });
      await expect(steps.getByText(`${emails[22]} belongs to ${company.name}.`)).toBeVisible();
      await expect(steps.getByText(`is an admin of ${team.name}.`)).toBeVisible();
      await expect(steps.getByText('Done', { exact: true })).not.toHaveCount(0);
      await calm(page);
    });

    await test.step('a newcomer signs in for the first time, and is there', async () => {
      const own = await anyone();
      await signIn(own, newcomer, '/');
      await follow(own, 'My teams');
      await expect(row(own, team.name)).toContainText('Team admin');
      await calm(own);
      await row(own, team.name).getByRole('link', { name: team.name, exact: true }).click();
      await expect(own.getByRole('heading', { level: 1 })).toContainText(team.name);
      await tab(own, 'Team', 'Members').click();
      await expect(row(own, lead.email)).toContainText('Team admin');
      await calm(own);
    });
  });
});
