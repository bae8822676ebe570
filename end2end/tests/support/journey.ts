// What the journeys of docs/journeys.md share: a company of one's own, at each width and in both themes, and ways through
// the console that a person would take.
import { type Locator, type Page, expect } from '@playwright/test';
import { type Api, type Team, unique } from './api';
import { type Person, hire } from './people';
import { test } from './test';
import { origin } from './watch';

/** A phone, a tablet, a desk; and the theme that each has with JavaScript. Without, it has the other one. */
const SCREENS = [
  { name: 'at 390 px', width: 390, height: 844, theme: 'dark' },
  { name: 'at 768 px', width: 768, height: 1024, theme: 'light' },
  { name: 'at 1440 px', width: 1440, height: 900, theme: 'dark' },
] as const;

/** The same journey at each width: with JavaScript and without, that makes every width in both themes. */
export function atEveryWidth(journeys: () => void): void {
  for (const { name, width, height, theme } of SCREENS) {
    test.describe(name, () => {
      test.use({
        viewport: { width, height },
        colorScheme: async ({ javaScriptEnabled }, use) => {
          const other = theme === 'dark' ? 'light' : 'dark';
          await use(javaScriptEnabled ? theme : other);
        },
      });
      journeys();
    });
  }
}

/** A company: its organization takes in who has an address at its domain. */
export interface Company {
  id: string;
  slug: string;
  name: string;
  domain: string;
  /** Its org_admin. */
  head: Person;
}

/** Makes a company that no other test knows. */
export async function found(api: Api, name = 'Guild'): Promise<Company> {
  const own = unique(name);
  const domain = `${own.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.example`;
  const { id, slug } = await api.ok('POST', '/admin/organizations', { name: own, domains: [domain] });
  const head = await employ(api, domain, 'Hanna Head');
  await api.ok('POST', `/admin/organizations/${id}/members`, { user_id: head.email, role: 'org_admin' });
  return { id, slug, name: own, domain, head };
}

/** Somebody who has an account there already, and can sign in. */
export async function employ(api: Api, domain: string, name: string, local = name): Promise<Person> {
  const person = await hire(name, domain, local);
  await api.ok('POST', '/admin/users', { email: person.email, display_name: name });
  return person;
}

/** A team of the company, with a team admin and a member of its own. */
export async function staff(api: Api, company: Company, input: Partial<Team> = {}): Promise<{ team: Team; lead: Person; member: Person }> {
  const lead = await employ(api, company.domain, 'Lena Lead');
  const member = await employ(api, company.domain, 'Mika Member');
  const members = { [lead.email]: 'admin', [member.email]: 'member' } as const;
  const team = await api.team({ organization_id: company.id, members, ...input });
  return { team, lead, member };
}

// On a narrow screen it is hidden until the menu is opened.
const nav = (page: Page) => page.getByRole('navigation', { name: 'Main', includeHidden: true });

/** Follows an entry of the navigation, by its name; returns how many clicks it took. */
export async function follow(page: Page, name: string): Promise<number> {
  // An entry may have a number behind its name.
  const named = page.getByRole('link', { name: new RegExp(`^${name}( *\\d.*)?$`), includeHidden: true });
  const entry = nav(page).locator(named).first();
  await expect(entry, `${name} is in the navigation`).toBeAttached();
  let clicks = 0;
  const open = async (what: Locator) => {
    clicks += 1;
    await what.click();
  };
  const menu = page.getByLabel('Menu', { exact: true });
  if (!(await entry.isVisible()) && (await menu.isVisible())) await open(menu);
  const group = nav(page).locator('details:not([open])').filter({ has: named }).locator('summary');
  if (!(await entry.isVisible())) await open(group.first());
  await open(entry);
  return clicks;
}

/** A tab of the page, by its name. */
export const tab = (page: Page, of: string, name: string): Locator =>
  page.getByRole('navigation', { name: of, exact: true }).getByRole('link', { name });

/** A row of a table that says something. */
export const row = (page: Page, text: string): Locator => page.getByRole('row').filter({ hasText: text });

/** Chooses from the menu of a row. */
export async function choose(page: Page, of: string, item: string): Promise<void> {
  await dismiss(page);
  await row(page, of).getByLabel(`Actions for ${of}`).click();
  await row(page, of).locator('.menu__item', { hasText: item }).click();
}

/** Puts the message away. Without JavaScript it stays, and may lie over the last rows. */
export async function dismiss(page: Page): Promise<void> {
  const close = page.getByRole('link', { name: 'Dismiss' });
  if (await close.isVisible()) await close.click();
}

/** A page as one expects it: it has a heading, and nothing that one has to scroll sideways for. */
export async function calm(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
  const over = await page.evaluate(() => (document.scrollingElement?.scrollWidth ?? 0) - window.innerWidth);
  expect(over, `${new URL(page.url()).pathname} scrolls sideways by so many px`).toBeLessThanOrEqual(0);
}

/** The same at each width, one after the other. */
export async function calmAtEveryWidth(page: Page): Promise<void> {
  for (const { width, height } of SCREENS) {
    await page.setViewportSize({ width, height });
    await calm(page);
  }
}

/** Distances from now say the exact time, too. */
export async function exact(times: Locator): Promise<void> {
  for (const time of await times.all()) {
    await expect(time).toHaveAttribute('title', /\d{1,2} \w{3} \d{4}, \d\d:\d\d/);
    await expect(time).toHaveAttribute('datetime', /^\d{4}-\d\d-\d\dT/);
  }
}

/** What a link downloads, as text. */
export async function download(page: Page, link: Locator): Promise<string> {
  const href = await link.getAttribute('href');
  const answer = await page.context().request.get(`${origin()}${href}`);
  expect(answer.status(), `${href}`).toBe(200);
  return answer.text();
}

/** The days from now to a date. */
export const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
