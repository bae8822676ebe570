// An auditor before a quarterly review: who is in, who was not seen, what changed, what was refused (docs/journeys.md).
import { atEveryWidth, calm, download, employ, exact, follow, found, inDays, row, staff, tab } from '../support/journey';
import { expect, test } from '../support/test';

atEveryWidth(() => {
  test('an auditor gathers what a review needs, and can change nothing', async ({ as, api, apiOf }) => {
    test.slow();
    const company = await found(api);
    const auditor = await employ(api, company.domain, 'Ana Auditor');
    await api.ok('POST', `/admin/organizations/${company.id}/members`, { user_id: auditor.email, role: 'auditor' });
    const { team, lead, member } = await staff(api, company, { optional_label_patterns: ['backend-.*'], max_runners: 3 });
    const refused = await (await apiOf(member)).call('POST', '/runners/jit', { team_id: team.id, labels: ['gpu-b200'] });
    expect(refused.status).toBe(403);
    await api.ok('PATCH', `/admin/teams/${team.id}`, { max_runners: 5 });
    const page = await as(auditor, '/');
    await calm(page);

    await test.step('who is in the organization, and who was never seen', async () => {
      await follow(page, 'Users');
      await expect(row(page, lead.email)).toContainText('never');
      await expect(row(page, member.email)).not.toContainText('never');
      await exact(row(page, member.email).locator('time'));
      await calm(page);
    });

    await test.step('who may do what, in one file, of this organization alone', async () => {
      const text = await download(page, page.getByRole('link', { name: 'Export permissions' }));
      const [names, ...rows] = text.trim().split('\r\n');
      expect(names).toMatch(/^email,name,account,last_seen,level,organization,team,role,/);
      const of = (email: string) => rows.filter((line) => line.startsWith(`${email},`));
      expect(of(lead.email).some((line) => line.includes(`,team,${company.name},${team.name},admin,`))).toBe(true);
      expect(of(auditor.email).some((line) => line.includes(`,organization,${company.name},,auditor,`))).toBe(true);
      expect(rows.every((line) => line.includes(company.name)), 'nothing of others').toBe(true);
    });

    await test.step('who is in a team, with what role, since when, added by whom', async () => {
      await follow(page, 'Teams');
      await page.getByRole('main').getByRole('link', { name: team.name, exact: true }).first().click();
      await tab(page, 'Team', 'Members').click();
      await expect(row(page, lead.email)).toContainText('Team admin');
      await expect(row(page, member.email)).toContainText('Member');
      await exact(page.getByRole('main').locator('tbody time'));
      await calm(page);
      for (const word of ['Add Member', 'Save Changes']) await expect(page.getByRole('button', { name: word })).toHaveCount(0);
      await expect(page.getByRole('main').getByLabel(/^Actions for/)).toHaveCount(0);
    });

    await test.step('what the team may use, and why', async () => {
      await tab(page, 'Team', 'Policy').click();
      await expect(page.getByText('backend-.*').first()).toBeVisible();
      await expect(page.getByRole('button', { name: 'Save Changes' })).toHaveCount(0);
      await calm(page);
    });

    await test.step('what changed in the quarter, field by field', async () => {
      await follow(page, 'Audit log');
      await calm(page);
      await page.getByText('More filters').click();
      await page.getByRole('main').getByLabel('From', { exact: true }).fill(inDays(-90).slice(0, 10));
      await page.getByRole('main').getByLabel('To', { exact: true }).fill(inDays(0).slice(0, 10));
      await page.getByRole('button', { name: 'Apply filters' }).click();
      await expect(page).toHaveURL(/[?&]since=\d{4}-\d\d-\d\d/);
      await expect(page.getByRole('main').getByLabel('To', { exact: true })).toHaveValue(inDays(0).slice(0, 10));
      const change = page.getByRole('row', { name: /Team changed/ }).filter({ hasText: team.name });
      await expect(change).toHaveCount(1);
      await exact(change.locator('time'));
      await calm(page);
      const address = page.url();
      await change.getByRole('link', { name: 'Team changed' }).click();
      const field = page.getByRole('row').filter({ hasText: 'max_runners' });
      await expect(field.locator('del')).toHaveText('3');
      await expect(field.locator('ins')).toHaveText('5');
      await calm(page);
      await page.goto(address);
    });

    await test.step('as a file, for exactly that time and nobody else’s organization', async () => {
      const text = await download(page, page.getByRole('link', { name: 'NDJSON' }));
      const lines = text.trim().split('\n').map((line) => JSON.parse(line));
      const of = new Set(lines.map((line) => line.organization_id));
      expect([...of].filter((id) => id !== null)).toEqual([company.id]);
      expect(lines.filter((line) => line.event_type === 'team.update').map((line) => line.team_name)).toEqual([team.name]);
      expect(lines.some((line) => line.event_type === 'member.add')).toBe(true);
    });

    await test.step('what was refused, and to whom', async () => {
      await follow(page, 'Security events');
      const event = page.getByRole('row').filter({ hasText: 'Label refused by policy' });
      await expect(event).toHaveCount(1);
      await expect(event).toContainText(member.email);
      await expect(event).toContainText('Rejected');
      await exact(event.locator('time'));
      await expect(event, 'without opening anything').toContainText('gpu-b200 · label_policy_violation');
      await event.getByText('Details', { exact: true }).click();
      await calm(page);
      const text = await download(page, page.getByRole('link', { name: 'Export CSV' }));
      expect(text).toContain(member.email);
    });

    await test.step('and what it cost', async () => {
      await follow(page, 'Cost');
      await expect(page.getByRole('link', { name: 'Download CSV' })).toBeVisible();
      await calm(page);
    });
  });
});
