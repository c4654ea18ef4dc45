import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { judgeRefusal } from './field-cases.ts';
import { eventually } from './process.ts';
import { rest, type Answer } from './rest.ts';
import { saysIn } from './rest-output.ts';
import type { UpdateCase } from './update-fields.ts';

/** Fails as soon as it may. */
const COMMAND = ['sh', '-c', 'until [ -e /go ]; do sleep 0.1; done; exit 1'];

type HostConfig = Readonly<Record<string, unknown>>;

const post = (socket: string, path: string, body?: object): Promise<Answer> =>
  rest(socket, 'POST', { path, body });
const inspect = (socket: string, id: string): Promise<Answer> =>
  rest(socket, 'GET', { path: `/containers/${id}/json` });
const hostConfig = async (socket: string, id: string): Promise<HostConfig> =>
  (await inspect(socket, id)).json<{ HostConfig: HostConfig }>().HostConfig;

interface Place {
  readonly socket: string;
  readonly id: string;
}

/** Runs, with a limit of memory. */
export async function running(socket: string): Promise<string> {
  // Docker updates a limit of memory where there is one, and one for swap with it.
  const body = { Image: 'busybox', Cmd: COMMAND, HostConfig: { Memory: 128 << 20 } };
  const { Id } = (await post(socket, '/containers/create', body)).json<{ Id: string }>();
  assert.equal((await post(socket, `/containers/${Id}/start`)).status, 204);
  return Id;
}

/** Gives it to a running container, and looks, also after its next start. Undefined when it is as it should be. */
export async function judgeUpdate(
  socket: string,
  asked: UpdateCase,
  name: string,
): Promise<string | undefined> {
  const id = await running(socket);
  const before = await hostConfig(socket, id);
  const script = asked.script ?? 'true';
  const said = (await saysIn(socket, id, script)).trim();
  if (asked.holds !== true && asked.says?.test(said) === true) return `it says ${said} before`;
  const prefix = asked.version === undefined ? '' : `/${asked.version}`;
  const answer = await post(socket, `${prefix}/containers/${id}/update`, asked.ask);
  const after = await hostConfig(socket, id);
  if (answer.status !== 200)
    return isDeepStrictEqual(after, before) ? judgeRefusal(asked, answer) : 'it is refused, and shown';
  const { Warnings } = answer.json<{ Warnings: string[] | null }>();
  if (Warnings !== null) return judgeWarnings(asked, Warnings, isDeepStrictEqual(after[name], before[name]));
  if (asked.refused !== undefined) return 'it is not refused';
  if (asked.says === undefined && !('RestartPolicy' in asked.ask)) return 'it is not told of';
  return (
    (await judgeEffect({ socket, id }, asked, 'at once')) ?? (await judgeNextStart({ socket, id }, asked))
  );
}

const judgeWarnings = (
  { warned }: UpdateCase,
  warnings: readonly string[],
  isAsItWas: boolean,
): string | undefined => {
  if (!isAsItWas) return `it is discarded, and shown: ${warnings.join()}`;
  return warned?.test(warnings.join('\n')) === true ? undefined : `it warns ${warnings.join()}`;
};

const judgeEffect = async (
  { socket, id }: Place,
  { ask, script = 'true', says }: UpdateCase,
  when: string,
): Promise<string | undefined> => {
  const shown = await hostConfig(socket, id);
  for (const [field, value] of Object.entries(ask)) {
    const found = shown[field];
    const own = typeof value === 'object' ? { MaximumRetryCount: 0, ...value } : value;
    if (!isDeepStrictEqual(found, own)) return `inspect shows ${JSON.stringify(found)} ${when}`;
  }
  const said = (await saysIn(socket, id, script)).trim();
  return says === undefined || says.test(said) ? undefined : `it says ${said} ${when}`;
};

const judgeNextStart = async ({ socket, id }: Place, asked: UpdateCase): Promise<string | undefined> => {
  if (asked.failed !== undefined) return judgeFailure({ socket, id }, { ...asked, failed: asked.failed });
  assert.equal((await post(socket, `/containers/${id}/restart?t=0`)).status, 204);
  return judgeEffect({ socket, id }, asked, 'at the next start');
};

const judgeFailure = async (
  { socket, id }: Place,
  { failed, stays }: UpdateCase & { readonly failed: RegExp },
): Promise<string | undefined> => {
  await saysIn(socket, id, 'touch /go');
  let text = '';
  const look = async (): Promise<boolean> => {
    ({ text } = await inspect(socket, id));
    return failed.test(text);
  };
  const found = await eventually('inspect shows it', look, 10_000).catch(() => undefined);
  if (found === true && stays === true) await sleep(1000);
  return found === undefined || (stays === true && !(await look()))
    ? `after a failure inspect shows ${text}`
    : undefined;
};
