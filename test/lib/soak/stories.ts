import { ask } from './ask.ts';
import { counting } from './counting.ts';
import type { Client } from './client.ts';
import { check, readLog, settles, tell, type Model } from './container.ts';
import { OPERATIONS } from './operations.ts';

let serial = 0;
/** Of what a container went through, when it is not what it should be. */
const TOLD = 8;

/** Creates until it is known to be there: a request that was lost is looked for by its name. */
async function create(
  client: Client,
  cmd: readonly string[],
  { host = {}, more = {} }: { readonly host?: object; readonly more?: object } = {},
): Promise<Model> {
  const { socket, number } = client;
  const name = `s${number}-${(serial += 1)}`;
  const body = { Image: 'busybox', Cmd: cmd, HostConfig: { NetworkMode: 'none', ...host }, ...more };
  for (;;) {
    const made = await ask(socket, { method: 'POST', path: `/containers/create?name=${name}`, body });
    const found =
      made.kind === 'answer' && made.status === 201
        ? made
        : await ask(socket, { method: 'GET', path: `/containers/${name}/json` });
    if (found.kind === 'lost') continue;
    // Its name is taken by what was half made, for a moment.
    if (found.status === 404 && (made.kind === 'lost' || made.status === 409)) continue;
    if (found.status > 201) throw new Error(`create ${name}: ${found.status} ${String(found.body)}`);
    const { Id: id, State } = JSON.parse(found.body.toString()) as { Id: string; State?: { Status: string } };
    // Half made, and on its way out.
    if (State?.Status === 'removing') continue;
    return { id, name, status: 'created', codes: [], pid: undefined, doing: 'create', history: [] };
  }
}

async function remove({ socket }: Client, model: Model): Promise<void> {
  while (model.status !== 'absent') {
    await tell(socket, model, {
      method: 'DELETE',
      path: `/containers/${model.id}?force=1&v=1`,
      ok: [204, 404],
      to: 'absent',
    });
  }
}

/** Anything, for a while. */
async function life(client: Client): Promise<void> {
  const { socket, random } = client;
  const publish = random.once(3)
    ? { NetworkMode: 'bridge', PortBindings: { '80/tcp': [{ HostPort: '' }] } }
    : {};
  const model = await create(client, counting({ lines: 1_000_000, code: 0 }), {
    host: {
      ...(random.once(2) ? { NetworkMode: client.networks[0] } : {}),
      ...publish,
      ...(random.once(3) ? { Binds: [`v${client.number}:/v`, '/anon'] } : {}),
      ...(random.once(4) ? { Init: true } : {}),
    },
  });
  try {
    for (let left = 4 + random.below(8); left > 0 && model.status !== 'absent'; left -= 1) {
      const fitting = OPERATIONS.filter(({ when }) => when.includes(model.status));
      const operation = random.pick(fitting);
      model.doing = operation.name;
      count(client, operation.name);
      await operation.run(client, model);
      await check(socket, model);
    }
    if (model.status !== 'absent') await readLog(socket, model);
  } catch (error) {
    const told = model.history.slice(-TOLD).join('\n');
    throw new Error(`${model.doing}: ${String(error)}, after\n${told}`, { cause: error });
  }
  await remove(client, model);
}

/** Prints its lines, ends with its code: both are there, whatever the daemon did meanwhile. */
async function finite(client: Client): Promise<void> {
  const { socket, random } = client;
  const [lines, code] = [random.below(400) + 1, random.below(100)];
  const model = await create(client, counting({ lines, code }));
  await startKnown(client, model);
  const { State } = await settles(socket, model, (shown) => shown.State.Status === 'exited');
  if (State.ExitCode !== code) throw new Error(`It ended with ${State.ExitCode}, and not with ${code}`);
  model.status = 'exited';
  model.codes = [code];
  const counted = await readLog(socket, model);
  if (counted !== undefined && counted.last !== lines - 1)
    throw new Error(`Its log ends at ${counted.last}, and not at ${lines - 1}`);
  await remove(client, model);
}

/** As often as its policy says, and then no more. */
async function policy(client: Client): Promise<void> {
  const { socket } = client;
  const model = await create(client, counting({ lines: 3, code: 1 }), {
    host: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
  });
  await startKnown(client, model);
  const { State, RestartCount } = await settles(
    socket,
    model,
    (shown) => shown.State.Status === 'exited' && shown.RestartCount === 2,
  );
  if (State.ExitCode !== 1) throw new Error(`After ${RestartCount} restarts it ended with ${State.ExitCode}`);
  model.status = 'exited';
  await remove(client, model);
}

/** Gets healthy, also when the daemon died between two probes. */
async function health(client: Client): Promise<void> {
  const model = await create(client, counting({ lines: 1_000_000, code: 0 }), {
    more: { Healthcheck: { Test: ['CMD', 'true'], Interval: 200_000_000 } },
  });
  await startKnown(client, model);
  await settles(client.socket, model, (shown) => shown.State.Health?.Status === 'healthy');
  model.status = 'running';
  await remove(client, model);
}

/** Its state is nothing that the model can follow: it ends by itself. Started until it has been. */
async function startKnown({ socket }: Client, model: Model): Promise<void> {
  for (;;) {
    const started = await ask(socket, { method: 'POST', path: `/containers/${model.id}/start` });
    if (started.kind === 'lost') {
      const shown = await settles(socket, model, ({ State }) => State.Status !== 'removing');
      if (shown.State.Status !== 'created') return;
      continue;
    }
    if (started.status === 204 || started.status === 304) return;
    throw new Error(`start: ${started.status} ${String(started.body)}`);
  }
}

const STORIES = { life, finite, policy, health };
const CHANCES = ['life', 'life', 'life', 'finite', 'finite', 'policy', 'health'] as const;

const count = ({ done }: Client, what: string): void => void done.set(what, (done.get(what) ?? 0) + 1);

/** One story after another until it is time. */
export async function soak(client: Client, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const name = client.random.pick(CHANCES);
    count(client, name);
    await STORIES[name](client);
  }
}
