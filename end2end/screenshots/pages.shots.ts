// target/screenshots/<page>[.no-js].<theme>.<width>.png
import { resolve } from 'node:path';
import { ada } from '../tests/support/people';
import { scenes } from '../tests/support/scenes';
import { settled } from '../tests/support/settled';
import { test } from '../tests/support/test';

const FOLDER = resolve(process.cwd(), '../target/screenshots');

for (const scene of scenes) {
  test(scene.name, async ({ browser, cookiesOf, world, javaScriptEnabled }) => {
    test.skip(!javaScriptEnabled && (!scene.differs || !!scene.script), 'looks the same without JavaScript');
    const context = await browser.newContext({ storageState: await cookiesOf(scene.as) });
    const page = await context.newPage();
    await page.goto(typeof scene.at === 'string' ? scene.at : scene.at(world));
    await scene.act?.(page, world);
    await page.waitForLoadState('networkidle');
    const kind = javaScriptEnabled ? '' : '.no-js';
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: width > 700 ? 800 : 844 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        if (javaScriptEnabled) await settled(page);
        else await page.waitForTimeout(300);
        const path = resolve(FOLDER, `${scene.name}${kind}.${colorScheme}.${width}.png`);
        await page.screenshot({ path, fullPage: true, caret: 'hide' });
      }
    }
    await context.close();
  });
}

test('the menu of narrow screens', async ({ browser, cookiesOf, javaScriptEnabled }) => {
  test.skip(!javaScriptEnabled, 'looks the same without JavaScript');
  const context = await browser.newContext({
    storageState: await cookiesOf(ada),
    viewport: { width: 390, height: 844 },
  });
  const page = await context.newPage();
  await page.goto('/admin/teams');
  await page.getByLabel('Menu').click();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    await page.screenshot({ path: resolve(FOLDER, `navigation.${colorScheme}.390.png`) });
  }
  await context.close();
});
