import { request, type IncomingMessage } from 'node:http';
import type { Daemon } from '../daemon.ts';
import { eventually } from '../process.ts';
import { rest } from '../rest.ts';
import { makeNormal, type Normal } from './normal.ts';
import type { Call, Step } from './step.ts';

/** The last version that 20.10 speaks. */
const VERSION = '/v1.41';
const TIMEOUT_MS = 30_000;

/** An answer as it can be compared. */
export interface Recorded {
  readonly of: string;
  readonly answer: unknown;
}

/** Sends every step, in order; what can't be the same (ids, times, addresses, paths) has names. */
export async function record(daemon: Daemon, steps: readonly Step[]): Promise<readonly Recorded[]> {
  const saved = new Map<string, string>();
  const normal = makeNormal(daemon, saved);
  const recorded: Recorded[] = [];
  // Of this second, too.
  saved.set('now', String(Math.floor(Date.now() / 1000) + 2));
  for (const step of steps) {
    if (step.kind === 'wait') {
      await eventually(`${step.path} has ${step.field} ${String(step.value)}`, async () => {
        const { text } = await rest(daemon.socket, 'GET', { path: VERSION + filled(step.path, saved) });
        return fieldOf(JSON.parse(text), step.field) === step.value;
      });
      continue;
    }
    recorded.push({ of: step.call, answer: await ask(daemon.socket, step, { saved, normal }) });
  }
  return recorded;
}

interface State {
  readonly saved: Map<string, string>;
  readonly normal: Normal;
}

async function ask(socketPath: string, step: Call, { saved, normal }: State): Promise<unknown> {
  const [method = '', path = ''] = filled(step.call, saved).split(' ', 2);
  const { how } = step;
  const body = how.raw ?? (step.body === undefined ? undefined : JSON.stringify(step.body));
  const headers = {
    ...(step.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...how.headers,
  };
  const url = path.startsWith('//') ? path.slice(1) : VERSION + path;
  const { message, text } = await send({ socketPath, method, path: url, headers, body, lines: how.lines });
  const value = parsed(text);
  if (how.save !== undefined) saved.set(how.save, String((value as { Id?: unknown }).Id));
  const shown = normal(sorted(how.sortBy === undefined ? value : sorted(value, how.sortBy), MOUNTS));
  return {
    status: message.statusCode,
    header: headersOf(message, normal),
    body: how.typesOnly === true ? typesOf(shown) : shown,
  };
}

interface Sent {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly lines: number | undefined;
}

function send({ body, lines, ...how }: Sent): Promise<{ message: IncomingMessage; text: string }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => sent.destroy(new Error(`${how.method} ${how.path} goes on`)), TIMEOUT_MS);
    const sent = request({ ...how, agent: false }, (message) => {
      const chunks: Buffer[] = [];
      const done = (): void => {
        clearTimeout(timer);
        resolve({ message, text: Buffer.concat(chunks).toString('latin1') });
        sent.destroy();
      };
      message.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (lines !== undefined && Buffer.concat(chunks).toString().split('\n').length > lines) done();
      });
      message.on('error', done);
      message.on('end', done);
    });
    sent.on('upgrade', (message: IncomingMessage, socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => {});
      socket.once('close', () => {
        clearTimeout(timer);
        resolve({ message, text: Buffer.concat(chunks).toString('latin1') });
      });
      socket.end();
    });
    sent.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${how.method} ${how.path}: ${error.message}`, { cause: error }));
    });
    sent.end(body);
  });
}

const filled = (path: string, saved: ReadonlyMap<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => saved.get(name) ?? 'unsaved');

/** One document, one a line, or what it is. */
function parsed(text: string): unknown {
  if (text === '') return '';
  try {
    return JSON.parse(text);
  } catch {
    const lines = text.trimEnd().split('\n');
    try {
      return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      return text;
    }
  }
}

/** Names have no case. How the body is framed is part of an answer; how long it is, is not. */
const UNCOMPARED = ['date', 'content-length'];

/** What a copy is told of a file is JSON, too. */
const decoded = (name: string, value: string): string =>
  name === 'x-docker-container-path-stat' ? Buffer.from(value, 'base64').toString() : value;

function headersOf({ rawHeaders }: IncomingMessage, normal: Normal): unknown {
  const pairs: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    const known = name.toLowerCase();
    pairs.push([known, UNCOMPARED.includes(known) ? 'there' : decoded(known, value)]);
  }
  return normal(Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/** Lists of things that have the field, wherever they are. */
function sorted(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sorted(item, field)]));
  const keyOf = (item: unknown): string => String(fieldOf(item, field));
  const list = value.map((item) => sorted(item, field));
  if (!list.every((item) => fieldOf(item, field) !== undefined)) return list;
  return list.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Mounts have no order in any answer. */
const MOUNTS = 'Destination';

function typesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => typesOf(item));
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, typesOf(item)]));
}

const fieldOf = (document: unknown, field: string): unknown =>
  field
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], document);
