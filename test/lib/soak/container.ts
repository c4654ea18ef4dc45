import { ask, alive, textOf, type Asked, type Outcome } from './ask.ts';
import { checkCount } from './counting.ts';

export type Status = 'created' | 'running' | 'paused' | 'exited' | 'absent';

interface Shown {
  readonly Id: string;
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Health?: { readonly Status: string };
  };
}

/** One container as its only client knows it. What contradicts the model throws. */
export interface Model {
  readonly id: string;
  name: string;
  status: Status;
  /** What its program may have ended with; empty: nothing to say. */
  codes: readonly number[];
  pid: number | undefined;
  /** For messages: what was tried last. */
  doing: string;
  /** For messages: what was asked, how it was answered, and what it was after that. */
  readonly history: string[];
}

export interface Told {
  readonly path: string;
  readonly method?: string;
  readonly body?: unknown;
  /** Answers that are success. */
  readonly ok: readonly number[];
  readonly leaveMs?: number;
  /** The state after success; the same as before if there is none. */
  readonly to?: Status;
  readonly codes?: readonly number[];
}

/** Asks for a change; when nobody knows what became of it, looks: it is done or not done, and nothing between. */
export async function tell(socket: string, model: Model, told: Told): Promise<Buffer | undefined> {
  const before = model.status;
  const { path, method = 'POST', ok, leaveMs } = told;
  const asked: Asked = {
    ...{ method, path },
    ...(told.body === undefined ? {} : { body: told.body }),
    ...(leaveMs === undefined ? {} : { leaveMs }),
  };
  const outcome: Outcome = await ask(socket, asked);
  if (outcome.kind === 'answer' && !ok.includes(outcome.status)) {
    throw new Error(
      `${method} ${path} of a container that is ${before}: ${outcome.status} ${String(outcome.body)}`,
    );
  }
  const { to } = told;
  if (to !== undefined) {
    if (outcome.kind === 'answer') model.status = to;
    else await reconcile(socket, model, to);
    model.codes = told.codes ?? model.codes;
    if (model.status !== 'running' || to !== before || told.codes !== undefined) model.pid = undefined;
  }
  const answer = outcome.kind === 'answer' ? outcome.status : 'lost';
  model.history.push(`${new Date().toISOString()} ${method} ${path}: ${answer}, then ${model.status}`);
  await check(socket, model);
  return outcome.kind === 'answer' ? outcome.body : undefined;
}

/** Half of what is asked may have been done: a restart has stopped, a removal has killed. */
const BETWEEN: Partial<Record<Status, readonly Status[]>> = {
  absent: ['exited'],
  running: ['exited'],
  exited: [],
};
const SETTLE_MS = 30_000;

async function reconcile(socket: string, model: Model, to: Status): Promise<void> {
  await alive(socket);
  const possible = [model.status, to, ...(BETWEEN[to] ?? [])];
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const shown = await inspect(socket, model.id);
    const status = (shown?.State.Status ?? 'absent') as Status;
    if (possible.includes(status)) {
      // What dies of what was asked takes a moment.
      if (status === to || performance.now() > deadline - SETTLE_MS + 500) {
        model.status = status;
        model.codes = [];
        return;
      }
    } else if (performance.now() > deadline) {
      throw new Error(`It was ${model.status}, was to be ${to}, and is ${status}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function inspect(socket: string, reference: string): Promise<Shown | undefined> {
  for (;;) {
    const outcome = await ask(socket, { method: 'GET', path: `/containers/${reference}/json` });
    if (outcome.kind === 'lost') continue;
    if (outcome.status === 404) return undefined;
    if (outcome.status !== 200)
      throw new Error(`inspect ${reference}: ${outcome.status} ${String(outcome.body)}`);
    return JSON.parse(outcome.body.toString()) as Shown;
  }
}

/** What is shown is what the model has. */
export async function check(socket: string, model: Model): Promise<void> {
  const shown = await inspect(socket, model.id);
  const status = shown?.State.Status ?? 'absent';
  // A signal that was answered has not yet killed.
  if (status !== model.status)
    throw new Error(`It is ${status}, and not ${model.status}: ${JSON.stringify(shown?.State)}`);
  if (shown === undefined) return;
  if (shown.Name !== `/${model.name}`) throw new Error(`Its name is ${shown.Name}, and not ${model.name}`);
  if (status === 'running' || status === 'paused') {
    if (model.pid !== undefined && model.pid !== shown.State.Pid)
      throw new Error(`Its pid was ${model.pid} and is ${shown.State.Pid}`);
    model.pid = shown.State.Pid;
  }
  if (status === 'exited' && model.codes.length > 0 && !model.codes.includes(shown.State.ExitCode))
    throw new Error(`It ended with ${shown.State.ExitCode}, and not with ${model.codes.join(' or ')}`);
}

/** Waits for the model's state. */
export async function settles(socket: string, model: Model, is: (shown: Shown) => boolean): Promise<Shown> {
  const deadline = performance.now() + SETTLE_MS * 4;
  for (;;) {
    const shown = await inspect(socket, model.id);
    if (shown !== undefined && is(shown)) return shown;
    if (performance.now() > deadline) throw new Error(`It stays ${JSON.stringify(shown?.State)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** All of its log, checked. Undefined when a daemon died meanwhile. */
export async function readLog(
  socket: string,
  model: Model,
): Promise<ReturnType<typeof checkCount> | undefined> {
  const partial = model.status === 'running' || model.status === 'paused';
  const outcome = await ask(socket, { method: 'GET', path: `/containers/${model.id}/logs?stdout=1` });
  if (outcome.kind === 'lost') return undefined;
  if (outcome.status !== 200) throw new Error(`logs: ${outcome.status} ${String(outcome.body)}`);
  // It may have been killed within a line.
  const killed = model.codes.length === 0 || model.codes.some((code) => code > 128);
  return checkCount(textOf(outcome.body), { partial: partial || killed });
}
