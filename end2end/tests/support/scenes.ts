// Every page in every state worth looking at: what axe checks and what is photographed.
import type { Page } from '@playwright/test';
import { type Api, type Team, unique } from './api';
import { type Person, ada, audrey, max, nora, olga, tess } from './people';

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
  /** A word that more than a page of teams have in their names. */
  many: string;
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
  const many = unique('Squad').replace(' ', '');
  for (let index = 0; index < 51; index += 1) {
    // In the built-in organization: out of the way of the other scenes.
    await api.team({ name: `${many} ${String(index).padStart(2, '0')}`, organization_id: null });
  }
  return { acme: await api.acme(), backend, empty, full, inactive, archived, many };
}

const team = (tab = '', which: Exclude<keyof World, 'acme' | 'many'> = 'backend') => (world: World) =>
  `/admin/teams/${world[which].id}${tab && `/${tab}`}`;

/** Opens the first menu in a table. */
const openMenu = async (page: Page) => page.locator('table .menu summary').first().click();

/** The first row of projects or members, its last menu item. */
const lastItem = async (page: Page) => {
  await openMenu(page);
  await page.locator('table .menu[open] .menu__item').last().click();
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

  { name: 'team', as: ada, at: team() },
  { name: 'team-as-member', as: max, at: team() },
  { name: 'team-empty', as: ada, at: team('', 'empty') },
  { name: 'team-full', as: tess, at: team('', 'full') },
  { name: 'team-inactive', as: ada, at: team('', 'inactive') },
  { name: 'team-inactive-as-member', as: max, at: team('', 'inactive') },
  { name: 'team-archived', as: ada, at: team('', 'archived') },

  { name: 'members', as: tess, at: team('members') },
  { name: 'members-as-member', as: max, at: team('members') },
  { name: 'members-empty', as: ada, at: team('members', 'empty') },
  { name: 'members-menu', as: tess, at: team('members'), act: openMenu },
  { name: 'members-field-error', as: tess, at: team('members'), act: send('Add Member', { user_id: 'not an address' }) },
  { name: 'members-refused', as: tess, at: team('members'), act: send('Add Member', { user_id: 'nobody@acme.example' }) },
  { name: 'members-remove', as: tess, at: team('members'), act: lastItem, differs: true },

  { name: 'projects', as: tess, at: team('projects') },
  { name: 'projects-none-for-me', as: max, at: team('projects') },
  { name: 'projects-empty', as: ada, at: team('projects', 'empty') },
  {
    name: 'projects-edit',
    as: tess,
    at: team('projects'),
    act: async (page) => {
      await openMenu(page);
      await page.getByRole('link', { name: 'Rename' }).click();
    },
  },
  { name: 'projects-refused', as: tess, at: team('projects'), act: send('Create project', { name: 'Billing' }) },
  { name: 'projects-delete', as: tess, at: team('projects'), act: lastItem, differs: true },

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

  { name: 'organizations', as: ada, at: '/admin/organizations' },
  { name: 'organizations-none', as: ada, at: '/admin/organizations?q=nothing-like-it' },
  {
    name: 'organization-new-errors',
    as: ada,
    at: '/admin/organizations/new',
    act: send('Create Organization', { name: 'X', domains: 'gmail.com', max_runners: 'many' }),
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
    act: send('Add Person', { user_id: 'not an address' }),
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
  { name: 'organization-settings', as: olga, at: '/admin/organizations/acme/settings' },
  {
    name: 'organization-settings-errors',
    as: ada,
    at: '/admin/organizations/acme/settings',
    act: send('Save Ceilings', { max_runners: 'many', max_budget: 'much', budget_duration: 'now and then' }),
  },

  { name: 'my-teams', as: max, at: '/teams' },
  { name: 'my-teams-empty', as: nora, at: '/teams' },
  { name: 'runners', as: max, at: '/runners' },
  { name: 'runners-empty', as: nora, at: '/runners' },

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

  { name: 'forbidden', as: nora, at: '/admin/teams' },
  { name: 'forbidden-team', as: nora, at: team() },
  { name: 'not-found', as: max, at: '/nothing/here' },
  { name: 'not-found-team', as: ada, at: '/admin/teams/no-such-team' },
  { name: 'bad-address', as: ada, at: '/admin/teams?sort=colour' },
];

