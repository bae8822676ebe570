// The REST API as a script would call it.
import { expect } from '@playwright/test';
import { origin } from './watch';

export interface Team {
  id: string;
  slug: string;
  name: string;
  organization_id: string | null;
  description: string | null;
  status: 'active' | 'inactive' | 'archived';
  required_labels: string[];
  optional_label_patterns: string[];
  max_runners: number | null;
  member_count: number;
  project_count: number;
  runner_count: number;
  deactivation_reason: string | null;
}

export interface Member {
  user_id: string;
  email: string;
  role: 'admin' | 'member';
}

export interface Answer {
  status: number;
  body: any;
}

let counter = 0;

/** A name that no other test has. */
export function unique(name: string): string {
  counter += 1;
  return `${name} ${process.pid.toString(36)}${Date.now().toString(36).slice(-5)}${counter.toString(36)}`;
}

export class Api {
  constructor(private readonly token: string) {}

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(`${origin()}/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
  }

  /** Calls, and insists on success. */
  async ok(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.call(method, path, body);
    expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    return answer.body;
  }

  /** The organization of the demo. */
  async acme(): Promise<string> {
    const answer = await this.ok('GET', '/admin/organizations');
    const list: { id: string; slug: string }[] = answer.organizations ?? answer;
    const acme = list.find((organization) => organization.slug === 'acme');
    if (!acme) throw new Error(`no organization acme in ${JSON.stringify(answer)}`);
    return acme.id;
  }

  /** A new team of Acme with these members. */
  async team(input: Partial<Team> & { members?: Record<string, 'admin' | 'member'> } = {}): Promise<Team> {
    const { members = {}, ...rest } = input;
    const team: Team = await this.ok('POST', '/admin/teams', {
      organization_id: await this.acme(),
      ...rest,
      name: rest.name ?? unique('Team'),
    });
    for (const [user_id, role] of Object.entries(members)) {
      await this.ok('POST', `/admin/teams/${team.id}/members`, { user_id, role });
    }
    return team;
  }

  /** The team as it is now. */
  async get(team: { id: string }): Promise<Team> {
    return this.ok('GET', `/admin/teams/${team.id}`);
  }

  async members(team: { id: string }): Promise<Member[]> {
    return (await this.ok('GET', `/admin/teams/${team.id}/members`)).members;
  }

  async projects(team: { id: string }): Promise<{ id: string; name: string; description: string | null }[]> {
    const answer = await this.ok('GET', `/admin/teams/${team.id}/projects`);
    return answer.projects ?? answer;
  }

  async project(team: { id: string }, name: string): Promise<{ id: string; name: string }> {
    return this.ok('POST', `/admin/teams/${team.id}/projects`, { name });
  }

  async runners(team: { id: string }): Promise<{ runner_name: string; labels: string[]; status: string }[]> {
    return (await this.ok('GET', `/runners?team_id=${team.id}`)).runners;
  }
}
