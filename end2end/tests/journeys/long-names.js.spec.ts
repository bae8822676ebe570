// What nobody thought of when a page was drawn: names without a space, from right to left, and lists without anything.
// (Whether scripts run makes no difference to how wide a page is.)
import { unique } from '../support/api';
import { calmAtEveryWidth, employ, found, row } from '../support/journey';
import { expect, test } from '../support/test';

/** Exactly as long as a name may be, and without a place to break. */
const long = (length: number, name: string) => {
  const own = unique(name).replaceAll(' ', '');
  return own + 'x'.repeat(length - own.length);
};

test('long names, names from right to left, and empty lists fit into every page', async ({ as, api, apiOf }) => {
  test.slow();
  const company = await found(api, 'Donaudampfschifffahrtsgesell');
  const lead = await employ(api, company.domain, 'נורית בן-דוד', 'nurit');
  const member = await employ(api, company.domain, 'نورة بنت عبدالله العتيبي', 'nora');
  const members = { [lead.email]: 'admin', [member.email]: 'member' } as const;
  const team = await api.team({ name: long(50, 'Elektrizitaet'), description: 'D'.repeat(400), organization_id: company.id, members, max_runners: 2 });
  const empty = await api.team({ name: long(50, 'Leer'), organization_id: company.id });
  const project = await api.project(team, long(100, 'Projekt'));
  const key = long(100, 'key');
  const own = await apiOf(lead);
  await own.ok('POST', `/admin/teams/${team.id}/projects/${project.id}/keys`, { name: key });
  await own.ok('POST', '/runners/jit', { runner_name_prefix: 'r'.repeat(40), team_id: team.id });

  const page = await as(lead, '/');
  const look = async (path: string) => {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(200);
    await calmAtEveryWidth(page);
  };
  const tabs = ['', '/members', '/members/bulk', '/projects', '/keys', '/policy', '/settings', '/manifest'];
  for (const tab of tabs) await look(`/admin/teams/${team.id}${tab}`);
  await look(`/admin/teams/${team.id}/projects/${project.id}`);
  await expect(row(page, key).first()).toBeVisible();
  for (const question of ['?edit=1', '?confirm=delete']) await look(`/admin/teams/${team.id}/projects/${project.id}${question}`);
  for (const path of ['/teams', '/runners', '/keys', '/keys/new', '/provision', '/requests/new?kind=quota', '/admin/teams', '/admin/audit']) await look(path);
  for (const path of ['/admin/runners', '/admin/cost', `/admin/guide/leave?team=${team.id}&user=${member.email}`]) await look(path);
  await page.close();

  const head = await as(company.head, '/');
  for (const tab of tabs) {
    const answer = await head.goto(`/admin/teams/${empty.id}${tab}`);
    expect(answer?.status(), tab).toBe(200);
    await calmAtEveryWidth(head);
  }
  for (const tab of ['', '/people', '/teams', '/domains', '/settings']) {
    await head.goto(`/admin/organizations/${company.slug}${tab}`);
    await calmAtEveryWidth(head);
  }
  for (const path of ['/admin/users', `/admin/users/${member.email}`, '/admin/services', '/admin/security-events', '/requests?view=decide']) {
    await head.goto(path);
    await calmAtEveryWidth(head);
  }
});
