// Every page in every state, in both themes, wide and narrow: axe finds nothing, nothing scrolls sideways, and (as in every
// test) the console is silent and no request leaves the host.
import type { Page } from '@playwright/test';
import { findings } from './support/axe';
import { scenes } from './support/scenes';
import { settled } from './support/settled';
import { expect, test } from './support/test';
import { watch } from './support/watch';

for (const scene of scenes) {
  test(`page ${scene.name}`, async ({ browser, cookiesOf, world, faults }) => {
    const context = await browser.newContext({ storageState: await cookiesOf(scene.as) });
    watch(context, faults);
    const page = await context.newPage();
    await page.goto(typeof scene.at === 'string' ? scene.at : scene.at(world));
    await scene.act?.(page, world);
    await page.waitForLoadState('networkidle');
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    await expect(page).toHaveTitle(/ · Guildhall$/);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      for (const colorScheme of ['light', 'dark'] as const) {
        // States of a page differ from it in a few elements: both themes and both widths once is enough for them.
        if (scene.act && (width === 1280) === (colorScheme === 'dark')) continue;
        await page.emulateMedia({ colorScheme });
        await settled(page);
        // What an action scrolled to may lie below the bar that stays on top, and could not be hit there.
        await page.evaluate(() => scrollTo(0, 0));
        expect.soft(await findings(page), `${width} px, ${colorScheme}`).toEqual([]);
      }
    }
    for (const width of [390, 320]) {
      await page.setViewportSize({ width, height: 844 });
      expect.soft(await overhang(page), `wider than ${width} px`).toEqual([]);
    }
    await context.close();
  });
}

/** What makes the page scroll sideways. */
async function overhang(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > width + 0.5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`)
      .slice(0, 8);
  });
}
