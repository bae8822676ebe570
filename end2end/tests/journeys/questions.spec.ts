// Questions that a new user has: each is answered from the home page in at most three clicks (docs/journeys.md).
import type { Locator, Page } from '@playwright/test';
import type { Api } from '../support/api';
import { exact, follow, found, inDays, row, staff, tab } from '../support/journey';
import type { Person } from '../support/people';
import { expect, test } from '../support/test';
import { origin } from '../support/watch';

/** Somebody on the home page, with a question; every click counts. */
class Asker {
  private clicks = 0;

  private constructor(readonly page: Page) {}

  static async at(as: (who: Person, path?: string) => Promise<Page>, who: Person): Promise<Asker> {
    const page = await as(who, '/');
    await expect(page).toHaveURL(`${origin()}/`);
    return new Asker(page);
  }

  /** Follows an entry of the navigation. */
  async go(name: string): Promise<void> {
    this.clicks += await follow(this.page, name);
  }

  async click(what: Locator): Promise<void> {
    this.clicks += 1;
    await what.click();
  }

  /** Chooses from a list. Without JavaScript a button has to be pressed after it. */
  async select(list: Locator, label: RegExp): Promise<void> {
    const option = await list.locator('option').filter({ hasText: label }).first().textContent();
    this.clicks += 1;
    await list.selectOption({ label: option ?? '' });
    const apply = this.page.getByRole('button', { name: 'Apply', exact: true });
    if (await apply.isVisible()) await this.click(apply);
  }

  /** Looks at the answer, which took at most three clicks. */
  async reads(...answers: Locator[]): Promise<void> {
    for (const answer of answers) await expect(answer.first()).toBeVisible();
    expect(this.clicks, 'clicks from the home page').toBeLessThanOrEqual(3);
  }
}

test('where do I add a service? To the catalogue: an org_admin', async ({ as, api }) => {
  const company = await found(api);
  const asker = await Asker.at(as, company.head);
  const { page } = asker;
  await asker.go('Services');
  await asker.click(page.getByRole('main').getByRole('link', { name: 'Add service' }).first());
  await asker.reads(page.getByRole('textbox', { name: /^Name/ }), page.getByRole('button', { name: 'Add service' }));
});

test('where do I add a service? To a team: its admin; and who can, when I may not: a member', async ({ as, api }) => {
  const company = await found(api);
  const { team, lead, member } = await staff(api, company);
  await api.ok('POST', `/admin/organizations/${company.id}/services`, { name: 'ledger' });
  for (const who of [lead, member]) {
    const asker = await Asker.at(as, who);
    const { page } = asker;
    await asker.go('My teams');
    await asker.click(row(page, team.name).getByRole('link', { name: team.name, exact: true }));
    await asker.click(tab(page, 'Team', 'Policy'));
    if (who === lead) {
      await asker.reads(row(page, 'ledger').getByRole('link', { name: /^Allow/ }));
    } else {
      await asker.reads(
        row(page, 'ledger').getByRole('link', { name: /^Request/ }),
        page.getByText('ask a super admin, organization admin or team admin'),
      );
    }
  }
});

/** A team whose member was refused a label a moment ago. */
async function refused(api: Api, apiOf: (who: Person) => Promise<Api>) {
  const company = await found(api);
  const { team, lead, member } = await staff(api, company, { optional_label_patterns: ['backend-.*'], max_runners: 3 });
  const answer = await (await apiOf(member)).call('POST', '/runners/jit', { team_id: team.id, labels: ['gpu-b200'] });
  expect(answer.status).toBe(403);
  return { company, team, lead, member };
}

test('why was I refused? The last refusal says it, with the rule', async ({ as, api, apiOf }) => {
  const { member } = await refused(api, apiOf);
  const asker = await Asker.at(as, member);
  const { page } = asker;
  await asker.go('My activity');
  await asker.click(page.getByRole('main').getByRole('link', { name: 'Runner not provisioned' }).first());
  await asker.reads(page.getByText('Label not permitted by team policy: gpu-b200'));
});

test('why was I refused? Why? says which rule decides, and who can change it', async ({ as, api, apiOf }) => {
  const { team, member } = await refused(api, apiOf);
  const asker = await Asker.at(as, member);
  const { page } = asker;
  await asker.go('Why\\?');
  const of = page.getByRole('main').getByLabel(/^Team/);
  if ((await of.evaluate((element) => element.tagName)) === 'SELECT') await of.selectOption({ label: team.name });
  else await of.fill(team.slug);
  await page.getByRole('main').getByLabel('What').selectOption('label');
  await page.getByRole('main').getByLabel(/^Name/).fill('gpu-b200');
  await asker.click(page.getByRole('button', { name: 'Explain' }));
  await asker.reads(
    page.getByRole('heading', { name: 'Not allowed' }),
    page.getByText("No optional pattern of the team admits 'gpu-b200'"),
    page.getByText('Who can change it: a super admin or organization admin.'),
  );
});

test('who can raise our quota? The team says it, and leads to the request', async ({ as, api }) => {
  const company = await found(api);
  const { team, member } = await staff(api, company, { max_runners: 2 });
  const asker = await Asker.at(as, member);
  const { page } = asker;
  await asker.go('My teams');
  await asker.click(row(page, team.name).getByRole('link', { name: team.name, exact: true }));
  await asker.click(tab(page, 'Team', 'Policy'));
  await asker.reads(
    page.getByText('ask a super admin or organization admin'),
    page.getByRole('link', { name: 'Request a larger quota' }),
  );
});

test('when does my key end? The list of keys says it, to the day and exactly', async ({ as, api, apiOf }) => {
  const company = await found(api);
  const { team, member } = await staff(api, company);
  const end = inDays(30);
  await (await apiOf(member)).ok('POST', '/api-keys', { name: 'nightly', teamId: team.id, modelIds: ['gpt-4o'], expiresAt: end });
  const asker = await Asker.at(as, member);
  await asker.go('API keys');
  const time = row(asker.page, 'nightly').locator(`time[datetime^="${end.slice(0, 10)}"]`);
  await asker.reads(time);
  await exact(time);
});

test('what changed yesterday? The audit log of the last day', async ({ as, api }) => {
  const company = await found(api);
  const { team } = await staff(api, company);
  await api.ok('PATCH', `/admin/teams/${team.id}`, { max_runners: 7 });
  const asker = await Asker.at(as, company.head);
  const { page } = asker;
  await asker.go('Audit log');
  await asker.select(page.getByRole('main').getByLabel('Period', { exact: true }), /^Last 24 hours$/);
  const change = page.getByRole('row', { name: /Team changed/ }).filter({ hasText: team.name });
  await asker.reads(change);
  await expect(page).toHaveURL(/period=24h/);
  await exact(change.locator('time'));
});
