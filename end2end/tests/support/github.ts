// What the machines behind runners do: over the controls of the demo's simulated GitHub.
import { readFileSync } from 'node:fs';
import { LOG } from './server';

/** The simulator's address, as the server's log has it. */
function address(): string {
  const found = /"github":"(http:[^"]+)"/.exec(readFileSync(LOG, 'utf8'))?.[1];
  if (!found) throw new Error('the log does not say where the simulated GitHub is');
  return found;
}

/** Calls a control of a runner: `''` for itself, `/job` for its job. */
export async function machine(runner: string, method: string, part = '', body?: unknown): Promise<void> {
  const answer = await fetch(`${address()}/_simulator/runners/${runner}${part}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${runner}${part}: ${answer.status}`);
}
