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
    for (const width of [1280, 768, 390, 320]) {
      await page.setViewportSize({ width, height: 844 });
      expect.soft(await overhang(page), `wider than ${width} px`).toEqual([]);
      expect.soft(await collisions(page), `one over the other at ${width} px`).toEqual([]);
    }
    if (!scene.act) {
      await page.setViewportSize({ width: 1280, height: 844 });
      expect.soft(await unreached(page), 'by keyboard alone').toEqual([]);
    }
    expect.soft(await misnamed(page), 'the summary of errors calls fields what the form calls them').toEqual([]);
    await context.close();
  });
}

/** What makes the page scroll sideways, and tables that are wider than the box around them. */
async function overhang(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const name = (element: Element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`;
    const tables = [...document.querySelectorAll('.table-wrap:not(.table-wrap--scroll)')];
    const wide = tables.filter((table) => table.scrollWidth > table.clientWidth + 1).map(name);
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return wide;
    const out = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > width + 0.5);
    return [...wide, ...out.map(name)].slice(0, 8);
  });
}

/** States and menus of rows that lie over the words of the same row. */
async function collisions(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    for (const cell of document.querySelectorAll('.table :is(.table__state, .table__actions)')) {
      if (getComputedStyle(cell).position !== 'absolute') continue;
      const over = cell.getBoundingClientRect();
      const words = document.createTreeWalker(cell.closest('tr')!, NodeFilter.SHOW_TEXT);
      while (words.nextNode()) {
        const text = words.currentNode;
        if (cell.contains(text) || !text.textContent?.trim() || text.parentElement?.closest('.menu__list, .visually-hidden')) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const hit = [...range.getClientRects()].some(
          (one) => one.left < over.right - 1 && one.right > over.left + 1 && one.top < over.bottom - 2 && one.bottom > over.top + 2,
        );
        if (hit) found.push(`${cell.textContent?.trim()} over ${text.textContent.trim()}`);
      }
    }
    return found.slice(0, 8);
  });
}

/** Entries of the summary of errors that lead nowhere, or call a field something else than its label does. */
async function misnamed(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const links = [...document.querySelectorAll<HTMLAnchorElement>('#form-errors a')];
    const wrong = links.filter((link) => {
      const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      const label = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement ? field.labels?.[0]?.textContent : field?.querySelector('legend')?.textContent;
      return !label || !label.startsWith(link.textContent!.split(':')[0]!);
    });
    return wrong.map((link) => `${link.hash} ${link.textContent}`);
  });
}

/** A page that reads itself again would put other elements in the place of those that a test holds. After a form was sent none does. */
async function stopReading(page: Page): Promise<void> {
  await page.evaluate(() => document.body.dispatchEvent(new Event('submit', { bubbles: true })));
}

/** What can be used, and is not come to with the Tab key, or does not show that it has the focus. */
async function unreached(page: Page): Promise<string[]> {
  await stopReading(page);
  const count = await page.evaluate(() => {
    const dialog = document.querySelector('dialog:modal') ?? document.body;
    const usable = [...dialog.querySelectorAll<HTMLElement>('a[href], button, input, select, textarea, summary, [tabindex="0"]')];
    const radios = new Set<string>();
    const stops = usable.filter((element) => {
      if (!element.checkVisibility({ visibilityProperty: true }) || element.matches(':disabled, [tabindex="-1"]')) return false;
      // Of a group of choices the arrow keys reach the others.
      if (!(element instanceof HTMLInputElement) || element.type !== 'radio') return true;
      if (radios.has(element.name)) return false;
      radios.add(element.name);
      return true;
    });
    const group = (element: HTMLElement) => (element instanceof HTMLInputElement && element.type === 'radio' ? `radio ${element.name}` : element);
    const left = new Set(stops.map(group));
    const plain: string[] = [];
    document.addEventListener('focusin', ({ target }) => {
      if (!(target instanceof HTMLElement) || !left.delete(group(target))) return;
      const style = getComputedStyle(target);
      const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
      if (!shown && style.boxShadow === 'none') plain.push(`${target.outerHTML.slice(0, 120)} shows no focus`);
    });
    Object.assign(window, { left, plain });
    (document.activeElement as HTMLElement | null)?.blur();
    return left.size;
  });
  for (let step = 0; step < count + 10; step += 1) await page.keyboard.press('Tab');
  return page.evaluate(() => {
    const { left, plain } = window as unknown as { left: Set<HTMLElement | string>; plain: string[] };
    const missed = [...left].map((one) => (typeof one === 'string' ? one : one.outerHTML.slice(0, 120)));
    return [...missed, ...plain].slice(0, 8);
  });
}
