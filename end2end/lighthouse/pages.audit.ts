// Lighthouse on the ten main pages, as a signed-in person sees them: at least 98 in each category, or it fails.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { launch } from 'chrome-launcher';
import lighthouse, { desktopConfig, type Result } from 'lighthouse';
import { superAdmin } from '../tests/support/people';
import { expect, test } from '../tests/support/test';
import { origin } from '../tests/support/watch';

const AIM = 98;
const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;
/** How often a page is measured that missed the aim in performance, which depends on what else the machine does. */
const TRIES = 3;
const OUTPUT = resolve(process.env.GUILDHALL_LIGHTHOUSE_OUTPUT ?? '../target/lighthouse');

type Category = (typeof CATEGORIES)[number];

interface Measured {
  name: string;
  path: string;
  result: Result;
  report: string[];
}

test(`lighthouse gives at least ${AIM}`, async ({ cookiesOf, world }) => {
  const team = `/admin/teams/${world.backend.id}`;
  const pages = {
    dashboard: '/',
    teams: '/admin/teams',
    team,
    members: `${team}/members`,
    policy: `${team}/policy`,
    organizations: '/admin/organizations',
    runners: '/runners',
    provision: '/provision',
    keys: '/keys',
    audit: '/admin/audit',
  };
  const state = await cookiesOf(superAdmin);
  const host = new URL(origin()).hostname;
  const cookies = state?.cookies.filter((cookie) => cookie.domain === host) ?? [];
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  expect(cookie, 'somebody is signed in').not.toBe('');

  mkdirSync(OUTPUT, { recursive: true });
  const chrome = await launch({
    chromePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    logLevel: 'error',
  });
  const measured: Measured[] = [];
  try {
    for (const [name, path] of Object.entries(pages)) measured.push(await best(name, path, cookie, chrome.port));
  } finally {
    chrome.kill();
  }
  for (const { name, report } of measured) {
    writeFileSync(join(OUTPUT, `${name}.json`), report[0] ?? '');
    writeFileSync(join(OUTPUT, `${name}.html`), report[1] ?? '');
  }
  const summary = `${table(measured)}\n${findings(measured)}`;
  writeFileSync(join(OUTPUT, 'summary.md'), summary);
  console.log(`\n${summary}\nReports: ${OUTPUT}`);
  const below = measured.flatMap(({ path, result }) =>
    CATEGORIES.filter((category) => score(result, category) < AIM).map((category) => `${path}: ${category} ${score(result, category)}`),
  );
  expect(below, `at least ${AIM} everywhere`).toEqual([]);
});

/** The page, measured again while only its performance is below the aim; the best of it. */
async function best(name: string, path: string, cookie: string, port: number): Promise<Measured> {
  let found: Measured | undefined;
  for (let turn = 0; turn < TRIES; turn += 1) {
    const one = await measure(name, path, cookie, port);
    if (!found || score(one.result, 'performance') > score(found.result, 'performance')) found = one;
    if (score(found.result, 'performance') >= AIM) break;
  }
  if (!found) throw new Error('it was never measured');
  return found;
}

async function measure(name: string, path: string, cookie: string, port: number): Promise<Measured> {
  const options = { port, output: ['json' as const, 'html' as const], logLevel: 'error' as const, extraHeaders: { Cookie: cookie } };
  const config = { ...desktopConfig, settings: { ...desktopConfig.settings, onlyCategories: [...CATEGORIES] } };
  const run = await lighthouse(`${origin()}${path}`, options, config);
  if (!run) throw new Error(`${path}: Lighthouse gave no result`);
  const { lhr, report } = run;
  if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
  expect(new URL(lhr.finalDisplayedUrl).pathname, 'the page itself, not the one to sign in').toBe(path);
  return { name, path, result: lhr, report: [report].flat() };
}

function score(result: Result, category: Category): number {
  return Math.round((result.categories[category]?.score ?? 0) * 100);
}

function table(measured: Measured[]): string {
  const rows = measured.map(({ path, result }) => [
    path.replace(/[0-9a-f-]{36}/, '{team}'),
    ...CATEGORIES.map((category) => String(score(result, category))),
    ...['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift', 'total-byte-weight'].map(
      (audit) => result.audits[audit]?.displayValue?.replace('Total size was ', '') ?? '',
    ),
  ]);
  const head = ['page', ...CATEGORIES, 'FCP', 'LCP', 'TBT', 'CLS', 'bytes'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** What keeps pages below 100, each with where it is. */
function findings(measured: Measured[]): string {
  const found = new Map<string, string[]>();
  for (const { path, result } of measured) {
    for (const category of CATEGORIES) {
      for (const { id, weight } of result.categories[category]?.auditRefs ?? []) {
        const audit = result.audits[id];
        if (!audit || weight === 0 || audit.score === null || audit.score >= (category === 'performance' ? 0.995 : 1)) continue;
        const items = audit.details && 'items' in audit.details ? audit.details.items : [];
        const where = items.slice(0, 3).map((item: unknown) => JSON.stringify(item).slice(0, 300));
        const title = `${category}: ${audit.title} (${id})`;
        found.set(title, [...(found.get(title) ?? []), `  - ${path}: ${audit.displayValue ?? ''} ${where.join(' ')}`]);
      }
    }
  }
  return [...found].map(([title, places]) => `- ${title}\n${places.join('\n')}`).join('\n');
}
