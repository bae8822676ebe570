// One `guildhall serve --demo` for a whole run, over a database of its own. Tests keep out of each other's way by names
// that nobody else has.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { OUTPUT } from '../../settings';

const HERE = dirname(fileURLToPath(import.meta.url));
const END2END = resolve(HERE, '../..');

/** The server's log. */
export const LOG = resolve(END2END, OUTPUT, 'server.log');

/** How long a start may take: with a private cluster it includes PostgreSQL's own `initdb`. */
const START_MS = 60_000;

interface Storage {
  /** What the server finds it by. */
  environment: Record<string, string>;
  remove(): Promise<void>;
}

/** Starts the server; tests find it in the environment. Returns what ends it. */
export default async function start(): Promise<() => Promise<void>> {
  const storage = await makeStorage();
  mkdirSync(dirname(LOG), { recursive: true });
  const server = serve(storage.environment);
  try {
    const url = await server.ready;
    process.env.GUILDHALL_E2E_URL = url;
    process.env.GUILDHALL_E2E_PROVIDER = await provider(url);
  } catch (error) {
    await stop(server.child);
    await storage.remove();
    throw error;
  }
  return async () => {
    await stop(server.child);
    await storage.remove();
  };
}

async function makeStorage(): Promise<Storage> {
  const admin = process.env.GUILDHALL_TEST_DATABASE_URL;
  if (!admin) {
    const folder = mkdtempSync(join(tmpdir(), 'guildhall-end2end-'));
    return {
      environment: { GUILDHALL_DATA_DIR: folder },
      remove: async () => {
        removeCluster(folder);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
  const name = `end2end_${randomBytes(6).toString('hex')}`;
  await execute(admin, `CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return {
    environment: { DATABASE_URL: url.href },
    remove: () => execute(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Started as root, PostgreSQL keeps its data where its own user may write; a link in the folder leads there. */
function removeCluster(folder: string): void {
  const link = join(folder, 'postgres');
  if (!existsSync(link)) return;
  const home = dirname(realpathSync(link));
  if (home.startsWith('/var/lib/guildhall/')) rmSync(home, { recursive: true, force: true });
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function serve(storage: Record<string, string>): { child: ChildProcess; ready: Promise<string> } {
  const binary = resolve(END2END, process.env.GUILDHALL_BIN ?? '../target/debug/guildhall');
  // Nothing of the developer's own settings.
  const ours = Object.entries(process.env).filter(([name]) => !/^(GUILDHALL_|DATABASE_|LITELLM_|MICROSOFT_)/.test(name));
  const child = spawn(binary, ['serve', '--demo', '--listen', '127.0.0.1:0', '--kube-listen', '127.0.0.1:0'], {
    cwd: resolve(END2END, '..'),
    // Runners do nothing unless a test makes them.
    env: { ...Object.fromEntries(ours), ...storage, GUILDHALL_DEMO_LIFE: 'false', GUILDHALL_RUNNER_SYNC_SECONDS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Also when the run is broken off.
  process.once('exit', () => child.kill('SIGTERM'));
  const log = createWriteStream(LOG);
  child.stderr.pipe(log, { end: false });
  child.stdout.pipe(log, { end: false });
  const ready = new Promise<string>((found, failed) => {
    let printed = '';
    const timer = setTimeout(() => failed(new Error(`the server was not ready in time\n${tail()}`)), START_MS);
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      const url = /listening on (http:\/\/\S+)/.exec(printed)?.[1];
      if (url) {
        clearTimeout(timer);
        found(url);
      }
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      failed(new Error(`${binary} cannot be started: ${error.message}`));
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      // What it said last may still be on its way to the file.
      setTimeout(() => failed(new Error(`the server ended with ${code}\n${tail()}`)), 200);
    });
  });
  return { child, ready };
}

function tail(): string {
  return readFileSync(LOG, 'utf8').split('\n').slice(-40).join('\n');
}

async function stop(child: ChildProcess): Promise<void> {
  const neverStarted = child.pid === undefined;
  if (neverStarted || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(timer);
}

/** The origin of the demo's OpenID provider: the one other host that pages may lead to. */
async function provider(url: string): Promise<string> {
  const answer = await fetch(`${url}/auth/login/oidc`, { redirect: 'manual' });
  const location = answer.headers.get('location');
  if (!location) throw new Error(`/auth/login/oidc answered ${answer.status} without a way to the provider`);
  return new URL(location).origin;
}
