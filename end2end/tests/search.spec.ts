// Search from everywhere, without JavaScript (issue 8, item 4). What JavaScript adds is in palette.js.spec.ts.
import { max, superAdmin } from './support/people';
import { expect, test } from './support/test';

test('a page of results leads to what has such a name, and to what can be begun', async ({ as }) => {
  const page = await as(superAdmin, '/search');
  await page.getByRole('searchbox', { name: 'Search everything' }).fill('backend');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page).toHaveURL(/q=backend/);
  await expect(page.getByRole('region', { name: 'Actions' }).getByRole('link', { name: 'Add a member to Backend Team' })).toBeVisible();
  await page.getByRole('region', { name: 'Teams' }).getByRole('link', { name: 'Backend Team' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Backend Team');
});

test('names of what one may not see are not found', async ({ as }) => {
  const page = await as(max, '/search?q=Data+Science');
  await expect(page.getByRole('region', { name: 'Teams' })).toHaveCount(0);
  await page.goto('/search?q=%3Cscript%3E%25%27');
  await expect(page.getByRole('heading', { level: 2, name: 'Nothing found' })).toBeVisible();
  await expect(page.getByText('“<script>%\'”')).toBeVisible();
});
