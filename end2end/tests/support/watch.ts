// What no page may do, whatever the test is about.
import type { BrowserContext, Request } from '@playwright/test';

/** The console's origin. */
export const origin = (): string => process.env.GUILDHALL_E2E_URL ?? '';
/** The OpenID provider's. */
export const provider = (): string => process.env.GUILDHALL_E2E_PROVIDER ?? '';

/** Collects the faults of a context: errors in the console, requests that leave the host, answers from 500 on. */
export function watch(context: BrowserContext, faults: string[]): void {
  // The address of a page that answers 4xx is in the console as a resource that could not be loaded.
  const pages = new Set<string>();
  context.on('request', (request) => {
    if (request.isNavigationRequest()) pages.add(request.url());
    if (!allowed(request)) faults.push(`a request left the host: ${request.method()} ${request.url()}`);
  });
  context.on('response', (response) => {
    const inside = response.url().startsWith(origin());
    const failed = response.status() >= 400 && !response.request().isNavigationRequest();
    if (inside && (response.status() >= 500 || failed)) {
      faults.push(`${response.request().method()} ${response.url()} answered ${response.status()}`);
    }
  });
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const page = message.text().startsWith('Failed to load resource') && pages.has(message.location().url);
    // Without JavaScript nothing uses what was preloaded for it.
    const unused = message.text().includes('was preloaded using link preload but not used');
    if (!page && !unused) faults.push(`the console says: ${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => faults.push(`a script failed: ${error.error().stack ?? error.error().message}`));
}

function allowed(request: Request): boolean {
  const url = new URL(request.url());
  if (['data:', 'blob:', 'about:'].includes(url.protocol)) return true;
  if (url.origin === origin()) return true;
  // One may go to the provider; nothing of ours loads anything from there.
  return url.origin === provider() && (request.isNavigationRequest() || url.pathname === '/favicon.ico');
}
