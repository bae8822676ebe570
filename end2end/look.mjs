import { chromium } from '@playwright/test';
const base = 'http://127.0.0.1:3100';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const pages = JSON.parse(process.argv[2]);
const cookies = {};
for (const [name, who, path, width, scheme, act] of pages) {
  const c = await b.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, storageState: cookies[who] });
  const p = await c.newPage();
  if (!cookies[who]) {
    await p.goto(`${base}/auth/login/oidc?next=/`);
    await p.getByRole('button', { name: new RegExp(who + '@') }).click();
    await p.waitForLoadState('networkidle');
    cookies[who] = await c.storageState();
  }
  const r = await p.goto(base + path);
  if (act) await eval(`(async (p) => { ${act} })`)(p);
  await p.waitForTimeout(250);
  await p.screenshot({ path: `/tmp/shots/${name}.png`, fullPage: true });
  console.log(name, r.status(), await p.title(), await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth));
  await c.close();
}
await b.close();
