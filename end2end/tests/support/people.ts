// Who one can be in the demo (server/src/demo/data.rs).
import { provider } from './watch';

export interface Person {
  email: string;
  name: string;
}

export const ada: Person = { email: 'ada@acme.example', name: 'Ada Admin' };
export const olga: Person = { email: 'olga@acme.example', name: 'Olga Owner' };
export const tess: Person = { email: 'tess@acme.example', name: 'Tess Lead' };
export const max: Person = { email: 'max@acme.example', name: 'Max Member' };
export const dana: Person = { email: 'dana@acme.example', name: 'Dana Data' };
export const pat: Person = { email: 'pat@partner.example', name: 'Pat Partner' };
export const audrey: Person = { email: 'audrey@acme.example', name: 'Audrey Auditor' };
/** In no team; keep it so, others rely on it. */
export const nora: Person = { email: 'nora@acme.example', name: 'Nora Newcomer' };

/** Somebody new at a company, who can sign in from now on. `local`: how the address begins, when the name does not say it. */
export async function hire(name: string, domain = 'acme.example', local = name): Promise<Person> {
  const email = `${local.toLowerCase().replace(/[^a-z0-9]+/g, '-')}@${domain}`;
  const answer = await fetch(`${provider()}/_simulator/people`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, name }),
  });
  if (answer.status !== 201) throw new Error(`the provider answered ${answer.status}`);
  return { email, name };
}

export const everyone = [ada, olga, tess, max, dana, pat, audrey, nora];
export const superAdmin = ada;
export const orgAdmin = olga;
export const auditor = audrey;
export const stranger = nora;
