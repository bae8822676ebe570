// Every page in every state worth looking at: what axe checks and what is photographed.
import type { Page } from '@playwright/test';
import { type Api, type Team, unique } from './api';
import { type Person, ada, audrey, dana, max, nora, olga, tess } from './people';

/** What the scenes are set in. */
export interface World {
  /** The id of the demo's organization. */
  acme: string;
  /** The demo's own team, with members, projects and runners. */
  backend: Team;
  empty: Team;
  /** Its quota is used up. */
  full: Team;
  inactive: Team;
  archived: Team;
  /** The page of a project with members and keys, of which one was rotated. */
  project: string;
  /** A word that more than a page of teams have in their names. */
  many: string;
  /** The email of somebody whose account is deactivated. */
  former: string;
  /** An access review that was closed. */
  review: string;
}

export interface Scene {
  name: string;
  as: Person | null;
  at: string | ((world: World) => string);
  /** What is done before one looks. */
  act?: (page: Page, world: World) => Promise<void>;
  /** Looks different without JavaScript. */
  differs?: boolean;
  /** Only there with JavaScript. */
  script?: boolean;
}

/** Makes what the demo does not have. */
export async function makeWorld(api: Api, apiOf: (who: Person) => Promise<Api>): Promise<World> {
  const teams: Team[] = (await api.ok('GET', '/admin/teams?limit=1000')).teams;
  const backend = teams.find((team) => team.slug === 'backend-team');
  if (!backend) throw new Error('the demo has no Backend Team');
  const members = { [tess.email]: 'admin', [max.email]: 'member' } as const;
  const empty = await api.team({ name: unique('Nightly Builds') });
  const full = await api.team({ name: unique('Release'), max_runners: 1, members });
  await (await apiOf(max)).ok('POST', '/runners/jit', { runner_name_prefix: 'release', team_id: full.id });
  const inactive = await api.team({ name: unique('Mobile'), description: 'The apps.', members });
  await api.ok('POST', `/admin/teams/${inactive.id}/deactivate`, { reason: 'Merged into another team for the summer' });
  const archived = await api.team({ name: unique('Old Portal'), members });
  await api.ok('POST', `/admin/teams/${archived.id}/archive`, {});
  const { id } = await api.project(full, 'Nightly Rating');
  const project = `/admin/teams/${full.id}/projects/${id}`;
  await api.ok('PUT', `${project}/members/${max.email}`, { role: 'member' });
  const own = await apiOf(max);
  const key = await own.ok('POST', `${project}/keys`, { name: 'laptop' });
  await own.ok('POST', `${project}/keys/${key.id}/rotate`);
  await api.ok('POST', `${project}/keys`, { name: 'ci', owner: tess.email });
  const many = unique('Squad').replace(' ', '');
  for (let index = 0; index < 51; index += 1) {
    // In the built-in organization: out of the way of the other scenes.
    await api.team({ name: `${many} ${String(index).padStart(2, '0')}`, organization_id: null });
  }
  const former = `${unique('lea').replace(' ', '.')}@acme.example`;
  await api.ok('POST', '/admin/users', { email: former, display_name: 'Lea Leaver', organization_id: await api.acme() });
  await api.ok('POST', `/admin/users/${former}/deactivate`, { comment: 'Has left the company for a sailing boat' });
  // At rest, since both have teams.
  for (const { email } of [tess, max]) {
    await api.ok('POST', '/admin/label-policies', { user_identity: email, allowed_labels: ['gpu'], label_patterns: ['app-.*'], max_runners: 2 });
  }
  const reviewed = await api.team({ name: unique('Reviewed'), members });
  const { id: review } = await api.ok('POST', '/access-reviews', { team_id: reviewed.id, name: 'Q3', due_in_days: 7, silence: 'keep' });
  const lines = (await api.ok('GET', `/access-reviews/${review}/lines`)).lines;
  await api.ok('POST', `/access-reviews/${review}/decide`, { ids: lines.map((line: { id: string }) => line.id), decision: 'remove', reason: 'The project is over' });
  await api.ok('POST', `/access-reviews/${review}/close`);
  return { acme: await api.acme(), backend, empty, full, inactive, archived, project, many, former, review };
}

const team = (tab = '', which: Exclude<keyof World, 'acme' | 'many' | 'project' | 'former' | 'review'> = 'backend') => (world: World) =>
  `/admin/teams/${world[which].id}${tab && `/${tab}`}`;

/** Opens the first menu in a table. */
const openMenu = async (page: Page) => page.locator('table .menu summary').first().click();

/** The first row of projects or members, its last menu item. */
const lastItem = async (page: Page) => {
  await openMenu(page);
  await page.locator('table .menu[open] .menu__item').last().click();
};

/** Something done with the newest key of a project. */
const keyItem = (item: string) => async (page: Page) => {
  await page.locator('#keys table .menu summary').first().click();
  await page.locator('#keys .menu[open] .menu__item', { hasText: item }).click();
};

/** Fills in fields by id and sends the form that they are in. */
const send = (button: string, fields: Record<string, string>) => async (page: Page) => {
  for (const [id, text] of Object.entries(fields)) {
    const field = page.locator(`#${id}`);
    if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(text);
    else await field.fill(text);
  }
  await page.getByRole('button', { name: button, exact: true }).click();
};

/** On a Policy tab: asks to allow the first service that is not allowed. */
const openAllow = async (page: Page) => page.getByRole('link', { name: /^Allow…/ }).first().click();

const allowWithoutReason = async (page: Page) => {
  await openAllow(page);
  await page.locator('#reason').fill('  ');
  await page.getByRole('button', { name: 'Allow service' }).click();
};

/** On a Policy tab: asks to stop allowing the first service that is allowed. */
const stopAllowing = async (page: Page) => lastItem(page);

/** On the list of services: opens one that teams use. */
const openService = async (page: Page) => page.getByRole('link', { name: 'cli-eval' }).click();

/** On the list of access reviews: opens the demo's. */
const openReview = async (page: Page) => page.getByRole('link', { name: 'Access review of this quarter' }).click();

/** On a list of requests: opens the first. */
const openFirst = async (page: Page) => page.locator('table tbody th a').first().click();

export const scenes: Scene[] = [
  { name: 'login', as: null, at: '/login' },
  {
    name: 'login-message',
    as: null,
    at: '/login',
    act: async (page) => {
      await page.getByRole('link', { name: 'Pick a demo person' }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
    },
  },
  { name: 'login-signed-in', as: max, at: '/login' },

  { name: 'runners-none', as: max, at: '/runners?q=nothing-like-it&status=busy' },
  { name: 'runners-all', as: ada, at: '/admin/runners' },
  {
    name: 'runners-ask',
    as: max,
    at: '/runners',
    act: async (page) => {
      await page.locator('input[type=checkbox][name=id]').first().check();
      await page.getByRole('button', { name: 'Deprovision selected…' }).click();
    },
  },
  { name: 'runner', as: max, at: '/runners', act: async (page) => page.locator('table a.mono').first().click() },

  { name: 'teams', as: ada, at: (world) => `/admin/teams?organization=${world.acme}`, differs: true },
  { name: 'teams-menu', as: ada, at: (world) => `/admin/teams?organization=${world.acme}&sort=-members`, act: openMenu },
  { name: 'teams-pages', as: ada, at: (world) => `/admin/teams?q=${world.many}&sort=-name` },
  { name: 'teams-none', as: ada, at: '/admin/teams?q=nothing-like-it&status=inactive' },
  { name: 'team-new', as: ada, at: '/admin/teams/new', differs: true },
  {
    name: 'team-new-errors',
    as: ada,
    at: '/admin/teams/new',
    act: send('Create Team', {
      name: 'X',
      required_labels: 'linux, no spaces allowed',
      optional_label_patterns: 'backend-(',
      max_runners: 'many',
    }),
  },

  { name: 'home', as: ada, at: '/' },
  { name: 'home-as-member', as: max, at: '/' },
  { name: 'home-as-auditor', as: audrey, at: '/' },
  { name: 'home-in-no-team', as: nora, at: '/' },
  { name: 'search', as: ada, at: '/search?q=backend' },
  { name: 'search-nothing', as: max, at: '/search?q=zzzzqq' },
  { name: 'dashboard', as: ada, at: '/admin/dashboard' },
  { name: 'dashboard-as-member', as: max, at: '/admin/dashboard' },
  { name: 'dashboard-in-no-team', as: nora, at: '/admin/dashboard' },
  { name: 'cost', as: ada, at: '/admin/cost?period=last' },
  { name: 'cost-as-member', as: max, at: '/admin/cost' },
  { name: 'cost-none', as: tess, at: '/admin/cost?from=2020-01-01&to=2020-01-31' },
  { name: 'cost-period-error', as: tess, at: '/admin/cost?from=2026-03-04&to=2026-03-03' },
  { name: 'prices', as: ada, at: '/admin/cost/prices' },
  { name: 'prices-error', as: ada, at: '/admin/cost/prices', act: send('Save Changes', { default_price: 'much', prices: 'gpu' }) },

  { name: 'team', as: ada, at: team() },
  { name: 'team-as-member', as: max, at: team() },
  { name: 'team-empty', as: ada, at: team('', 'empty') },
  { name: 'team-full', as: tess, at: team('', 'full') },
  { name: 'team-inactive', as: ada, at: team('', 'inactive') },
  { name: 'team-inactive-as-member', as: max, at: team('', 'inactive') },
  { name: 'team-archived', as: ada, at: team('', 'archived') },

  { name: 'audit', as: ada, at: '/admin/audit?event=team.create&period=30d' },
  {
    name: 'audit-entry',
    as: ada,
    at: '/admin/audit?event=team.create',
    act: async (page) => page.locator('tbody a').first().click(),
  },
  { name: 'audit-none', as: tess, at: '/admin/audit?q=nothing-like-it&user=nobody' },
  { name: 'activity', as: nora, at: '/admin/audit' },
  { name: 'security-events', as: ada, at: '/admin/security-events' },

  { name: 'members', as: tess, at: team('members') },
  { name: 'members-as-member', as: max, at: team('members') },
  { name: 'members-empty', as: ada, at: team('members', 'empty') },
  { name: 'members-menu', as: tess, at: team('members'), act: openMenu },
  { name: 'members-field-error', as: tess, at: team('members'), act: send('Add Member', { user_id: 'not an address' }) },
  { name: 'members-refused', as: tess, at: team('members'), act: send('Add Member', { user_id: 'nobody@acme.example' }) },
  { name: 'members-remove', as: tess, at: team('members'), act: lastItem, differs: true },

  {
    name: 'members-end',
    as: tess,
    at: team('members'),
    act: async (page) => {
      await openMenu(page);
      await page.locator('table .menu[open] .menu__item', { hasText: 'Role and end' }).click();
    },
    differs: true,
  },
  { name: 'members-step-down', as: tess, at: (world) => `${team('members')(world)}?confirm=step-down&user=${tess.email}` },
  { name: 'members-filtered', as: tess, at: (world) => `${team('members')(world)}?q=nobody&role=admin` },
  { name: 'default-team', as: ada, at: '/admin/teams/a0000000-0000-4000-8000-000000000001' },
  { name: 'default-team-settings', as: ada, at: '/admin/teams/a0000000-0000-4000-8000-000000000001/settings' },
  { name: 'default-team-members', as: ada, at: '/admin/teams/a0000000-0000-4000-8000-000000000001/members', differs: true },
  {
    name: 'default-team-move',
    as: ada,
    at: '/admin/teams/a0000000-0000-4000-8000-000000000001/members?confirm=move&all=unassigned',
    differs: true,
  },
  { name: 'default-team-move-nobody', as: ada, at: '/admin/teams/a0000000-0000-4000-8000-000000000001/members?confirm=move' },
  { name: 'members-bulk', as: tess, at: team('members/bulk') },
  { name: 'members-invitations-empty', as: tess, at: team('members/invitations') },
  { name: 'members-bulk-error', as: tess, at: team('members/bulk'), act: send('Preview', {}) },
  {
    name: 'members-bulk-preview',
    as: tess,
    at: team('members/bulk'),
    act: send('Preview', { list: 'nora@acme.example\nnobody@acme.example\nmax@acme.example; owner\ntess@acme.example' }),
  },

  { name: 'projects', as: tess, at: team('projects') },
  { name: 'projects-none-for-me', as: max, at: team('projects') },
  { name: 'projects-empty', as: ada, at: team('projects', 'empty') },
  {
    name: 'projects-edit',
    as: tess,
    at: team('projects'),
    act: async (page) => {
      await openMenu(page);
      await page.getByRole('link', { name: 'Edit', exact: true }).click();
    },
  },
  { name: 'projects-refused', as: tess, at: team('projects'), act: send('Create project', { name: 'Billing' }) },
  { name: 'projects-delete', as: tess, at: team('projects'), act: lastItem, differs: true },

  { name: 'project', as: tess, at: (world) => world.project },
  { name: 'project-as-member', as: max, at: (world) => world.project },
  { name: 'project-edit', as: tess, at: (world) => `${world.project}?edit=1` },
  { name: 'project-key-created', as: tess, at: (world) => world.project, act: send('Create key', { name: unique('key') }) },
  { name: 'project-key-error', as: tess, at: (world) => world.project, act: send('Create key', { name: '   ' }) },
  { name: 'project-key-rotate', as: tess, at: (world) => world.project, act: keyItem('Rotate…'), differs: true },
  { name: 'project-key-revoke', as: tess, at: (world) => world.project, act: keyItem('Revoke…'), differs: true },
  { name: 'project-delete', as: tess, at: (world) => `${world.project}?confirm=delete`, differs: true },
  { name: 'keys', as: max, at: '/keys' },
  { name: 'keys-empty', as: nora, at: '/keys' },
  { name: 'key-new', as: tess, at: '/keys/new' },
  { name: 'key-for-a-service', as: tess, at: '/keys/services' },
  { name: 'key-new-limits', as: tess, at: '/keys/new', act: async (page) => page.getByText('Limits and models').click() },
  { name: 'key-settings', as: ada, at: '/admin/settings/keys' },
  { name: 'restricted-models', as: ada, at: '/admin/settings/models' },
  { name: 'restricted-models-of-organization', as: olga, at: '/admin/organizations/acme/settings' },
  { name: 'requests', as: max, at: '/requests' },
  { name: 'requests-empty', as: audrey, at: '/requests' },
  { name: 'requests-none-fit', as: max, at: '/requests?kind=labels&state=withdrawn' },
  { name: 'requests-to-decide', as: olga, at: '/requests?view=decide' },
  {
    name: 'requests-deny-many',
    as: olga,
    at: '/requests?view=decide',
    act: async (page) => {
      for (const box of await page.locator('tbody').getByRole('checkbox').all()) await box.check();
      await page.getByRole('button', { name: 'Deny selected…' }).click();
    },
    differs: true,
  },
  { name: 'requests-all', as: audrey, at: '/requests?view=all' },
  { name: 'request-denied', as: max, at: '/requests?state=denied', act: openFirst },
  { name: 'request-to-decide', as: olga, at: '/requests?view=decide', act: openFirst },
  { name: 'request-deny', as: olga, at: '/requests?view=decide', act: async (page) => {
    await openFirst(page);
    await page.getByRole('link', { name: 'Deny' }).click();
  }, differs: true },
  { name: 'request-kinds', as: max, at: '/requests/new' },
  { name: 'request-new-errors', as: max, at: '/requests/new?kind=budget', act: send('Send request', { max_budget: 'much', reason: '  ' }) },
  { name: 'access-reviews', as: olga, at: '/admin/access-reviews?state=open' },
  { name: 'access-reviews-none', as: dana, at: '/admin/access-reviews?state=cancelled' },
  { name: 'access-review-new-errors', as: olga, at: '/admin/access-reviews/new', act: send('Start review', { name: ' ', due_in_days: '0' }) },
  { name: 'access-review', as: olga, at: '/admin/access-reviews?state=open', act: openReview },
  { name: 'access-review-as-team-admin', as: dana, at: '/admin/access-reviews?state=open', act: openReview },
  { name: 'access-review-remove', as: olga, at: '/admin/access-reviews?state=open', act: async (page) => {
    await openReview(page);
    for (const box of (await page.locator('tbody').getByRole('checkbox').all()).slice(0, 3)) await box.check();
    await page.getByRole('button', { name: 'Remove selected…' }).click();
  }, differs: true },
  { name: 'access-review-close', as: olga, at: '/admin/access-reviews?state=open', act: async (page) => {
    await openReview(page);
    await page.getByRole('link', { name: 'Close review…' }).click();
  }, differs: true },
  { name: 'access-review-closed', as: tess, at: (world) => `/admin/access-reviews/${world.review}` },
  { name: 'access-review-report', as: tess, at: (world) => `/admin/access-reviews/${world.review}/report` },
  { name: 'team-keys', as: tess, at: team('keys') },

  { name: 'policy', as: ada, at: team('policy'), differs: true },
  {
    name: 'policy-tried',
    as: ada,
    at: team('policy'),
    script: true,
    act: async (page) => page.getByLabel('Labels to try').pressSequentially('backend-api, gpu'),
  },
  { name: 'policy-tried-on-the-server', as: ada, at: (world) => `${team('policy')(world)}?try=backend-api`, differs: true },
  { name: 'policy-as-admin-refused', as: tess, at: team('policy'), act: send('Save Changes', { max_runners: '99' }) },
  { name: 'policy-as-member', as: max, at: team('policy') },
  {
    name: 'policy-errors',
    as: ada,
    at: team('policy'),
    act: send('Save Changes', { optional_label_patterns: 'backend-.*, [a-', max_runners: '-1' }),
  },

  { name: 'settings', as: ada, at: team('settings') },
  { name: 'settings-as-admin', as: tess, at: team('settings') },
  { name: 'settings-saved', as: tess, at: team('settings'), act: send('Save Changes', {}) },
  { name: 'settings-error', as: tess, at: team('settings'), act: send('Save Changes', { description: 'Long. '.repeat(90) }) },
  { name: 'settings-deactivate', as: ada, at: (world) => `${team('settings')(world)}?confirm=deactivate`, differs: true },
  { name: 'settings-archive', as: ada, at: (world) => `${team('settings')(world)}?confirm=archive` },
  { name: 'settings-inactive', as: ada, at: team('settings', 'inactive') },
  { name: 'settings-archived', as: ada, at: team('settings', 'archived') },
  { name: 'manifest', as: tess, at: team('manifest') },
  { name: 'manifest-archived', as: ada, at: team('manifest', 'archived') },
  { name: 'organization-export', as: olga, at: '/admin/organizations/acme/settings', act: async (page) => page.locator('#export-title').scrollIntoViewIfNeeded() },
  { name: 'kubeconfig', as: tess, at: '/tokens', act: async (page) => page.getByRole('button', { name: 'Create kubeconfig' }).click() },
  { name: 'kubectl', as: tess, at: '/help/kubectl' },
  { name: 'help', as: max, at: '/help' },
  { name: 'help-page', as: max, at: '/help/budgets-and-cost' },
  { name: 'help-anchor', as: max, at: '/help/policy-and-services#the-catalogue' },
  { name: 'help-not-found', as: max, at: '/help/nothing' },

  { name: 'users', as: ada, at: '/admin/users' },
  { name: 'users-as-org-admin', as: olga, at: '/admin/users?show=active&sort=-email' },
  { name: 'users-none', as: ada, at: '/admin/users?q=nothing-like-it&show=deactivated' },
  { name: 'users-forbidden', as: nora, at: '/admin/users' },
  { name: 'user-new', as: ada, at: '/admin/users/new' },
  { name: 'user-new-errors', as: ada, at: '/admin/users/new', act: send('Create user', { email: `${'x'.repeat(65)}@acme.example`, display_name: 'Long. '.repeat(40) }) },
  { name: 'user', as: ada, at: `/admin/users/${tess.email}` },
  { name: 'user-in-nothing', as: ada, at: `/admin/users/${ada.email}` },
  { name: 'user-as-org-admin', as: olga, at: `/admin/users/${max.email}` },
  { name: 'user-deactivate', as: ada, at: `/admin/users/${tess.email}?confirm=deactivate`, differs: true },
  {
    name: 'user-deactivate-error',
    as: ada,
    at: `/admin/users/${tess.email}?confirm=deactivate`,
    act: send('Deactivate', { comment: 'Too short' }),
  },
  { name: 'user-deactivated', as: ada, at: (world) => `/admin/users/${world.former}` },
  { name: 'label-policies', as: ada, at: '/admin/label-policies' },
  { name: 'label-policies-as-auditor', as: audrey, at: '/admin/label-policies?q=nothing-like-it' },
  { name: 'label-policy-new-errors', as: olga, at: '/admin/label-policies/new', act: send('Create policy', { user_identity: 'x', allowed_labels: 'a b', label_patterns: '(' }) },
  { name: 'label-policy-delete', as: ada, at: `/admin/label-policies/${tess.email}?confirm=delete`, differs: true },
  { name: 'label-policies-migrate', as: ada, at: '/admin/label-policies/migrate' },
  { name: 'policy-services-refused', as: olga, at: '/admin/teams/engineering/policy', act: allowWithoutReason },
  { name: 'policy-services-allow', as: olga, at: '/admin/teams/engineering/policy', act: openAllow, differs: true },
  { name: 'policy-services-stop', as: olga, at: '/admin/teams/engineering/policy', act: stopAllowing, differs: true },
  { name: 'policy-services-as-member', as: max, at: '/admin/teams/engineering/policy' },

  { name: 'services', as: ada, at: '/admin/services?organization=acme', differs: true },
  { name: 'services-of-organization', as: olga, at: '/admin/organizations/acme/services' },
  { name: 'services-as-member', as: max, at: '/admin/services' },
  { name: 'services-empty', as: ada, at: '/admin/services?organization=default' },
  { name: 'service-new', as: olga, at: '/admin/services/new?organization=acme' },
  {
    name: 'service-new-errors',
    as: olga,
    at: '/admin/services/new?organization=acme',
    act: send('Add service', { name: 'LLM Service', path_prefixes: 'GET /v1\nv2' }),
  },
  { name: 'alerts', as: ada, at: '/admin/alerts' },
  { name: 'sync', as: ada, at: '/admin/sync' },
  { name: 'machine-clients', as: ada, at: '/admin/machine-clients' },
  { name: 'identity-links', as: ada, at: '/admin/identity-links' },
  { name: 'identity-link-new', as: ada, at: '/admin/identity-links/new' },
  { name: 'identity-link', as: ada, at: '/admin/identity-links?q=Production', act: openFirst },
  { name: 'identity-links-as-auditor', as: audrey, at: '/admin/identity-links' },
  { name: 'entra-settings', as: ada, at: '/admin/settings/entra' },
  { name: 'machine-clients-as-auditor', as: audrey, at: '/admin/machine-clients' },
  { name: 'service', as: olga, at: '/admin/services?organization=acme', act: openService },
  { name: 'service-as-member', as: max, at: '/admin/services', act: openService },
  {
    name: 'service-delete',
    as: olga,
    at: '/admin/services?organization=acme',
    act: async (page) => {
      await openService(page);
      await page.getByRole('link', { name: 'Delete…' }).click();
    },
    differs: true,
  },

  { name: 'guides', as: tess, at: '/admin/guide' },
  { name: 'guide-onboard', as: tess, at: (world) => `/admin/guide/onboard?team=${world.backend.id}&user=${max.email}` },
  { name: 'guide-onboard-error', as: tess, at: (world) => `/admin/guide/onboard?team=${world.backend.id}&user=somebody` },
  { name: 'guide-access', as: tess, at: (world) => `/admin/guide/access?team=${world.backend.id}&user=${max.email}&service=cli-eval` },
  { name: 'guide-leave', as: tess, at: (world) => `/admin/guide/leave?team=${world.backend.id}&user=${tess.email}` },
  { name: 'guide-new-team', as: ada, at: '/admin/guide/new-team' },
  { name: 'guide-new-team-done', as: ada, at: (world) => `/admin/guide/new-team?team=${world.backend.id}` },
  { name: 'organizations', as: ada, at: '/admin/organizations' },
  { name: 'organizations-none', as: ada, at: '/admin/organizations?q=nothing-like-it' },
  {
    name: 'organization-new-errors',
    as: ada,
    at: '/admin/organizations/new',
    act: send('Create organization', { name: 'X', domains: 'gmail.com', max_runners: 'many' }),
  },
  { name: 'organization', as: ada, at: '/admin/organizations/acme' },
  { name: 'organization-as-member', as: max, at: '/admin/organizations/acme' },
  { name: 'organization-default', as: ada, at: '/admin/organizations/default' },
  { name: 'organization-teams', as: olga, at: '/admin/organizations/acme/teams' },
  { name: 'organization-people', as: olga, at: '/admin/organizations/acme/people' },
  { name: 'organization-people-menu', as: olga, at: '/admin/organizations/acme/people', act: openMenu },
  {
    name: 'organization-people-error',
    as: olga,
    at: '/admin/organizations/acme/people',
    act: send('Add person', { user_id: 'not an address' }),
  },
  {
    name: 'organization-people-remove',
    as: olga,
    at: '/admin/organizations/acme/people?q=nora',
    act: lastItem,
    differs: true,
  },
  { name: 'organization-domains', as: audrey, at: '/admin/organizations/acme/domains' },
  { name: 'organization-domain-remove', as: ada, at: '/admin/organizations/acme/domains?confirm=remove&domain=acme.example' },
  { name: 'organization-directory', as: olga, at: '/admin/organizations/acme/directory' },
  {
    name: 'organization-directory-errors',
    as: olga,
    at: '/admin/organizations/acme/directory',
    act: send('Create token', { name: '  ' }),
  },
  { name: 'organization-settings', as: olga, at: '/admin/organizations/acme/settings' },
  {
    name: 'organization-settings-errors',
    as: ada,
    at: '/admin/organizations/acme/settings',
    act: send('Save ceilings', { max_runners: 'many', max_budget: 'much', budget_duration: 'now and then' }),
  },

  { name: 'my-teams', as: max, at: '/teams' },
  { name: 'my-teams-empty', as: nora, at: '/teams' },
  { name: 'runners', as: max, at: '/runners' },
  { name: 'runners-empty', as: nora, at: '/runners' },
  { name: 'runners-waiting', as: nora, at: '/runners/waiting' },

  { name: 'provision', as: max, at: '/provision', differs: true },
  { name: 'provision-team', as: max, at: (world) => `/provision?team=${world.backend.id}` },
  {
    name: 'provision-typing',
    as: max,
    at: (world) => `/provision?team=${world.backend.id}`,
    script: true,
    act: async (page) => page.locator('#labels').pressSequentially('backend-api, gpu'),
  },
  { name: 'provision-no-team', as: nora, at: '/provision' },
  {
    name: 'provision-refused',
    as: max,
    at: (world) => `/provision?team=${world.backend.id}`,
    act: send('Provision JIT Runner', { runner_name_prefix: 'build', labels: 'backend-api, gpu' }),
    differs: true,
  },
  {
    name: 'provision-errors',
    as: max,
    at: (world) => `/provision?team=${world.backend.id}`,
    act: send('Provision JIT Runner', { runner_name_prefix: 'no spaces', labels: 'fine, not fine' }),
  },
  { name: 'provision-full', as: max, at: (world) => `/provision?team=${world.full.id}`, act: send('Provision JIT Runner', {}) },
  {
    name: 'provision-result',
    as: tess,
    at: (world) => `/provision?team=${world.backend.id}`,
    act: send('Provision JIT Runner', { runner_name_prefix: 'build', labels: 'backend-api' }),
    differs: true,
  },

  { name: 'tokens', as: ada, at: '/tokens' },
  { name: 'tokens-empty', as: audrey, at: '/tokens' },
  { name: 'token-created', as: olga, at: '/tokens', act: send('Create token', { name: 'laptop' }) },
  { name: 'tokens-error', as: audrey, at: '/tokens', act: send('Create token', { name: '   ' }) },
  {
    name: 'tokens-revoke',
    as: ada,
    at: '/tokens',
    act: async (page) => page.getByRole('link', { name: /^Revoke/ }).first().click(),
  },

  { name: 'explain', as: max, at: '/admin/explain' },
  { name: 'explain-refused', as: max, at: (world) => `/admin/explain?team=${world.backend.id}&service=analytics` },
  { name: 'explain-allowed', as: max, at: (world) => `/admin/explain?team=${world.backend.id}&label=backend-api` },
  { name: 'explain-error', as: max, at: (world) => `/admin/explain?team=${world.backend.id}&who=somebody&service=analytics` },

  { name: 'forbidden', as: nora, at: '/admin/teams' },
  { name: 'forbidden-team', as: nora, at: team() },
  { name: 'not-found', as: max, at: '/nothing/here' },
  { name: 'not-found-team', as: ada, at: '/admin/teams/no-such-team' },
  { name: 'bad-address', as: ada, at: '/admin/teams?sort=colour' },
];

