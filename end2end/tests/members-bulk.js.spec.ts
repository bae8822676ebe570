import { max, tess } from './support/people';
import { expect, test } from './support/test';

test('a list that is on its way is sent once, and its button says so', async ({ as, api }) => {
  const team = await api.team({ members: { [tess.email]: 'admin' } });
  const page = await as(tess, `/admin/teams/${team.id}/members/bulk`);
  await page.getByLabel('People').fill(max.email);
  await page.getByRole('button', { name: 'Preview' }).click();
  const button = page.getByRole('button', { name: 'Add 1 person' });
  await expect(button).not.toHaveAttribute('aria-busy');
  // Counts what would be sent, and keeps it here: the page stays as it is while an answer is awaited.
  await page.evaluate(() => {
    document.addEventListener('submit', (event) => {
      if (!event.defaultPrevented) document.body.dataset.sent = `${Number(document.body.dataset.sent ?? 0) + 1}`;
      event.preventDefault();
    });
  });
  await button.click();
  await expect(button).toHaveAttribute('aria-busy', 'true');
  await expect(page.locator('#said')).toHaveText('Working…');
  await button.dispatchEvent('click');
  await page.getByRole('button', { name: 'Go back and edit' }).dispatchEvent('click');
  await expect(page.locator('body')).toHaveAttribute('data-sent', '1');

  // Back from the next page by the browser's button, the form can be sent again.
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow')));
  await expect(button).not.toHaveAttribute('aria-busy');
});
