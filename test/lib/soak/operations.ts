import { tarball } from '../tarball.ts';
import { ask, textOf } from './ask.ts';
import { readLog, tell, type Model, type Status, type Told } from './container.ts';
import { checkCount } from './counting.ts';
import type { Client } from './client.ts';

interface Operation {
  readonly name: string;
  readonly when: readonly Status[];
  run(client: Client, model: Model): Promise<unknown>;
}

const change = (
  name: string,
  when: readonly Status[],
  told: (client: Client, model: Model) => Told,
): Operation => ({
  name,
  when,
  run: (client, model) => tell(client.socket, model, told(client, model)),
});

const at = ({ id }: Model, verb: string): string => `/containers/${id}/${verb}`;
const ANY: readonly Status[] = ['created', 'running', 'paused', 'exited'];
const UP: readonly Status[] = ['running'];
const DOWN: readonly Status[] = ['created', 'exited'];

/** All that a client may do with a container of its own. */
export const OPERATIONS: readonly Operation[] = [
  ...[1, 2, 3].map(() =>
    change('start', DOWN, (_, model) => ({
      path: at(model, 'start'),
      ok: [204],
      to: 'running',
      codes: [],
    })),
  ),
  change('stop', UP, (_, model) => ({
    path: at(model, 'stop?t=30'),
    ok: [204],
    to: 'exited',
    codes: [7, 143],
  })),
  change('kill', UP, (_, model) => ({ path: at(model, 'kill'), ok: [204], to: 'exited', codes: [137] })),
  change('restart', [...UP, ...DOWN], (_, model) => ({
    path: at(model, 'restart?t=1'),
    ok: [204],
    to: 'running',
    codes: [],
  })),
  change('pause', UP, (_, model) => ({ path: at(model, 'pause'), ok: [204], to: 'paused' })),
  change('unpause', ['paused'], (_, model) => ({ path: at(model, 'unpause'), ok: [204], to: 'running' })),
  change('unpause', ['paused'], (_, model) => ({ path: at(model, 'unpause'), ok: [204], to: 'running' })),
  change('update', ANY, ({ random }, model) => ({
    path: at(model, 'update'),
    body: { PidsLimit: 50 + random.below(50) },
    ok: [200],
  })),
  change('remove', ANY, (_, { id }) => ({
    method: 'DELETE',
    path: `/containers/${id}?force=1&v=1`,
    ok: [204],
    to: 'absent',
  })),
  change('top', UP, (_, model) => ({ method: 'GET', path: at(model, 'top'), ok: [200] })),
  change('stats', UP, (_, model) => ({
    method: 'GET',
    path: at(model, 'stats?stream=0&one-shot=1'),
    ok: [200],
  })),
  change('list', ANY, () => ({ method: 'GET', path: '/containers/json?all=1&size=1', ok: [200] })),
  { name: 'logs', when: ANY, run: ({ socket }, model) => readLog(socket, model) },
  { name: 'follow', when: UP, run: follow },
  { name: 'exec', when: UP, run: exec },
  { name: 'exec', when: UP, run: exec },
  { name: 'copy', when: [...UP, ...DOWN], run: copy },
  { name: 'rename', when: ANY, run: rename },
  { name: 'network', when: UP, run: network },
];

async function follow({ socket, random }: Client, model: Model): Promise<void> {
  const verb = random.pick([
    'logs?stdout=1&follow=1',
    'attach?stdout=1&stream=1&logs=1',
    'attach?stdout=1&stream=1',
  ]);
  const method = verb.startsWith('logs') ? 'GET' : 'POST';
  const followed = await ask(socket, { method, path: at(model, verb), leaveMs: 200 + random.below(800) });
  if (followed.kind === 'lost') return;
  if (followed.status !== 200) throw new Error(`${verb}: ${followed.status} ${String(followed.body)}`);
  model.doing = verb;
  checkCount(textOf(followed.body), { partial: true, late: !/follow|logs=1/.test(verb) });
}

async function exec({ socket, random, kills }: Client, model: Model): Promise<void> {
  const code = random.below(100);
  const body = { Cmd: ['sh', '-c', `echo ${code}; exit ${code}`], AttachStdout: true };
  const before = kills();
  const made = await ask(socket, { method: 'POST', path: at(model, 'exec'), body });
  if (made.kind === 'lost') return;
  if (made.status !== 201) throw new Error(`exec: ${made.status} ${String(made.body)}`);
  const { Id } = JSON.parse(made.body.toString()) as { Id: string };
  const ran = await ask(socket, { method: 'POST', path: `/exec/${Id}/start`, body: {} });
  if (ran.kind === 'lost') return;
  // Its container has ended, and what was never started with it.
  if (ran.status === 404) return;
  if (ran.status !== 200) throw new Error(`exec start: ${ran.status} ${String(ran.body)}`);
  const printed = textOf(ran.body);
  // Between its head and the shim a stream is the daemon's: it dies with it, and so does the exec, which never ran.
  const died = kills() !== before && printed === '';
  if (!died && printed !== `${code}\n`)
    throw new Error(`exec printed ${JSON.stringify(printed)}, and not ${code}`);
  const shown = await ask(socket, { method: 'GET', path: `/exec/${Id}/json` });
  if (shown.kind === 'lost') return;
  const { ExitCode, Running } = JSON.parse(shown.body.toString()) as {
    ExitCode: number | null;
    Running: boolean;
  };
  if (died && (ExitCode === code || Running)) throw new Error(`exec ran, and printed nothing of ${code}`);
  if (!died && ExitCode !== code && !Running)
    throw new Error(`exec ended with ${ExitCode}, and not with ${code}`);
}

async function copy({ socket, random }: Client, model: Model): Promise<void> {
  const data = Buffer.from(String(random.below(1_000_000)));
  const put = await ask(socket, {
    method: 'PUT',
    path: at(model, 'archive?path=/'),
    body: tarball([{ name: 'copied', data }]),
  });
  if (put.kind === 'lost') return;
  if (put.status !== 200) throw new Error(`copy in: ${put.status} ${String(put.body)}`);
  const got = await ask(socket, { method: 'GET', path: at(model, 'archive?path=/copied') });
  if (got.kind === 'lost') return;
  if (got.status !== 200 || !got.body.includes(data)) throw new Error(`copy out: ${got.status}`);
}

async function rename({ socket }: Client, model: Model): Promise<void> {
  const name = model.name.endsWith('-x') ? model.name.slice(0, -2) : `${model.name}-x`;
  const renamed = await ask(socket, { method: 'POST', path: at(model, `rename?name=${name}`) });
  if (renamed.kind === 'answer') {
    if (renamed.status !== 204) throw new Error(`rename: ${renamed.status} ${String(renamed.body)}`);
    model.name = name;
    return;
  }
  for (;;) {
    const found = await ask(socket, { method: 'GET', path: at(model, 'json') });
    if (found.kind === 'lost') continue;
    const { Name } = JSON.parse(found.body.toString()) as { Name: string };
    if (Name === `/${name}`) model.name = name;
    return;
  }
}

/** There and back; what a daemon's death left is asked for again. */
async function network({ socket, networks }: Client, model: Model): Promise<void> {
  const inspected = await ask(socket, { method: 'GET', path: at(model, 'json') });
  if (inspected.kind === 'lost') return;
  type Shown = { NetworkSettings: { Networks: Record<string, { IPAddress: string }> } };
  const { Networks } = (JSON.parse(inspected.body.toString()) as Shown).NetworkSettings;
  if ('none' in Networks) return;
  const [, name = ''] = networks;
  const verb = name in Networks ? 'disconnect' : 'connect';
  const asked = await ask(socket, {
    method: 'POST',
    path: `/networks/${name}/${verb}`,
    body: { Container: model.id },
  });
  if (asked.kind === 'answer' && asked.status !== 200)
    throw new Error(`${verb}: ${asked.status} ${String(asked.body)}`);
}
