import { messageOf, WherryError } from '../../common/errors.ts';
import type { Daemon } from '../http/daemon.ts';
import { containerdLayer } from './containerd.ts';
import type { Answer, Found, Layer, Report, Roots } from './contract.ts';
import { kernelLayer } from './kernel.ts';
import { findShim, firstChild } from './processes.ts';
import { recordedId, recordLayer } from './record.ts';
import { daemonState, restLayer } from './rest.ts';
import { shimLayer } from './shim.ts';

export interface Asked {
  /** Name, id, or its beginning. */
  readonly given: string;
  readonly roots: Roots;
  readonly host: string;
  /** For each layer. */
  readonly deadlineMs: number;
}

export interface Examined {
  readonly id: string;
  readonly reports: readonly Report[];
  readonly differences: readonly string[];
}

/** Asks every layer the same question, each with a deadline, and compares what they say. Throws when nobody knows the container. */
export async function examine(daemon: Daemon, asked: Asked): Promise<Examined> {
  const { given, roots, host } = asked;
  const first = restLayer(daemon, given, { roots, host });
  const rest = await report(first, asked);
  const id = await identify(asked, rest.answer);
  const others = [containerdLayer(id, roots), shimLayer(id, roots), recordLayer(id, roots)];
  const above = [rest, ...(await Promise.all(others.map((layer) => report(layer, asked))))];
  const found = whereabouts(id, above);
  const kernel = kernelLayer(found);
  const layers = [first, ...others, kernel];
  const all = [...above, await report(kernel, asked)];
  const reports = all.map((each, index) => ({ ...each, byHand: layers[index]?.byHand(found) ?? [] }));
  return { id, reports, differences: compare(reports) };
}

/** Which process is meant: what the layers say, else what the shim's process has as a child. */
function whereabouts(id: string, reports: readonly Report[]): Found {
  const shimPid = findShim(id)?.pid;
  const said = reports.map(({ answer }) => (answer.kind === 'said' ? answer.said.pid : undefined));
  const child = shimPid === undefined ? undefined : firstChild(shimPid);
  return { id, shimPid, pid: child ?? said.find((pid) => pid !== undefined && pid > 0) };
}

async function identify({ given, roots }: Asked, rest: Answer): Promise<string> {
  if (rest.kind === 'said' && rest.said.id !== undefined) return rest.said.id;
  const known = await recordedId(roots.dataRoot, given);
  if (known !== undefined) return known;
  const { directory = '' } = findShim(given) ?? {};
  const name = directory.slice(directory.lastIndexOf('/') + 1);
  if (name.length > given.length) return name;
  if (/^[0-9a-f]{64}$/.test(given) || roots.namespace !== 'moby') return given;
  throw new WherryError('not-found', `No layer knows a container "${given}" (${daemonState(roots)})`);
}

/** A layer's answer within its deadline. */
async function report(layer: Layer, { deadlineMs }: Asked): Promise<Report> {
  const startedAt = performance.now();
  const controller = new AbortController();
  const late = new Promise<Answer>((resolve) => {
    const give = (): void =>
      resolve({ kind: 'silent', text: `no answer within ${deadlineMs} ms; ${layer.whySilent()}` });
    setTimeout(give, deadlineMs).unref();
  });
  const asked = layer
    .ask(controller.signal)
    .catch((error: unknown): Answer => ({ kind: 'down', text: messageOf(error) }));
  const answer = await Promise.race([asked, late]);
  controller.abort();
  return { layer: layer.name, answer, tookMs: performance.now() - startedAt, byHand: [] };
}

/** What layers say differently, and what is wrong by itself: one line each. */
function compare(reports: readonly Report[]): readonly string[] {
  const said = reports.flatMap(({ layer, answer }) =>
    answer.kind === 'said' ? [{ layer, ...answer.said }] : [],
  );
  const differs = (what: string, value: (each: (typeof said)[number]) => string | undefined): string[] => {
    const values = said
      .map((each) => ({ layer: each.layer, value: value(each) }))
      .filter((each) => each.value !== undefined);
    if (new Set(values.map((each) => each.value)).size < 2) return [];
    return [`${what}: ${values.map((each) => `${each.layer} says ${each.value ?? ''}`).join(', ')}`];
  };
  const alive = said.some((each) => each.alive === true);
  return [
    ...reports.flatMap(({ layer, answer }) =>
      answer.kind === 'silent' || answer.kind === 'down' ? [`${layer} does not answer: ${answer.text}`] : [],
    ),
    ...differs('whether it runs', (each) =>
      each.alive === undefined ? undefined : each.alive ? 'yes' : 'no',
    ),
    ...differs('whether it is paused', (each) =>
      each.paused === undefined || !alive ? undefined : each.paused ? 'yes' : 'no',
    ),
    ...differs('its process', (each) => (each.pid === undefined ? undefined : String(each.pid))),
    ...differs('its exit code', (each) =>
      alive || each.exitCode === undefined ? undefined : String(each.exitCode),
    ),
    ...said.flatMap(({ layer, faults }) => faults.map((fault) => `${layer}: ${fault}`)),
  ];
}
