import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { RestartPolicyBody } from '../../daemon/api/docker/wire/restart-policy.ts';
import { UpdateBody } from '../../daemon/api/docker/wire/update.ts';
import { fieldsOf, judgeAll } from '../lib/field-cases.ts';
import { eventually } from '../lib/process.ts';
import { rest, type Answer } from '../lib/rest.ts';
import { saysIn } from '../lib/rest-output.ts';
import { daemonSuite } from '../lib/suite.ts';
import { UPDATE_FIELDS, type UpdateCase } from '../lib/update-fields.ts';

/** Fails as soon as it may. */
const COMMAND = ['sh', '-c', 'until [ -e /go ]; do sleep 0.1; done; exit 1'];

type HostConfig = Readonly<Record<string, unknown>>;

daemonSuite("every field of update's body works, or is refused by name", (daemon) => {
  const post = (path: string, body?: object): Promise<Answer> =>
    rest(daemon().socket, 'POST', { path, body });
  const inspect = (id: string): Promise<Answer> =>
    rest(daemon().socket, 'GET', { path: `/containers/${id}/json` });
  const hostConfig = async (id: string): Promise<HostConfig> =>
    (await inspect(id)).json<{ HostConfig: HostConfig }>().HostConfig;

  test('there is a case for each, and none for what is no field', () => {
    const own = fieldsOf(UpdateBody, { RestartPolicy: fieldsOf(RestartPolicyBody) });
    assert.deepEqual(Object.keys(UPDATE_FIELDS).toSorted(), own);
  });

  const running = async (): Promise<string> => {
    // Docker updates a limit of memory where there is one, and one for swap with it.
    const body = { Image: 'busybox', Cmd: COMMAND, HostConfig: { Memory: 128 << 20 } };
    const { Id } = (await post('/containers/create', body)).json<{ Id: string }>();
    assert.equal((await post(`/containers/${Id}/start`)).status, 204);
    return Id;
  };

  /** Undefined when it is as it should be. */
  const wrongWith = async (asked: UpdateCase): Promise<string | undefined> => {
    const id = await running();
    const before = await hostConfig(id);
    const script = asked.script ?? 'true';
    const said = (await saysIn(daemon().socket, id, script)).trim();
    if (asked.holds !== true && asked.says?.test(said) === true) return `it says ${said} before`;
    const prefix = asked.version === undefined ? '' : `/${asked.version}`;
    const answer = await post(`${prefix}/containers/${id}/update`, asked.ask);
    const after = await hostConfig(id);
    const isAsItWas = isDeepStrictEqual(after, before);
    if (answer.status !== 200) return judgeRefusal(asked, answer, isAsItWas);
    const { Warnings } = answer.json<{ Warnings: string[] | null }>();
    if (Warnings !== null) return judgeWarnings(asked, Warnings, isAsItWas);
    if (asked.refused !== undefined) return 'it is not refused';
    if (asked.says === undefined && !('RestartPolicy' in asked.ask)) return 'it is not told of';
    return (await judgeEffect(asked, id, 'at once')) ?? (await judgeNextStart(asked, id));
  };

  const judgeRefusal = (
    { refused }: UpdateCase,
    { status, text }: Answer,
    isAsItWas: boolean,
  ): string | undefined => {
    const { message } = JSON.parse(text) as { message: string };
    if (!isAsItWas) return 'it is refused, and shown';
    return refused?.test(message) === true ? undefined : `${status} ${message}`;
  };

  const judgeWarnings = (
    { warned }: UpdateCase,
    warnings: readonly string[],
    isAsItWas: boolean,
  ): string | undefined => {
    if (!isAsItWas) return `it is discarded, and shown: ${warnings.join()}`;
    return warned?.test(warnings.join('\n')) === true ? undefined : `it warns ${warnings.join()}`;
  };

  const judgeEffect = async (
    { ask, script = 'true', says }: UpdateCase,
    id: string,
    when: string,
  ): Promise<string | undefined> => {
    const shown = await hostConfig(id);
    for (const [field, value] of Object.entries(ask)) {
      const found = shown[field];
      const own = typeof value === 'object' ? { MaximumRetryCount: 0, ...value } : value;
      if (!isDeepStrictEqual(found, own)) return `inspect shows ${JSON.stringify(found)} ${when}`;
    }
    const said = (await saysIn(daemon().socket, id, script)).trim();
    return says === undefined || says.test(said) ? undefined : `it says ${said} ${when}`;
  };

  const judgeNextStart = async (asked: UpdateCase, id: string): Promise<string | undefined> => {
    if (asked.failed !== undefined) return judgeFailure({ ...asked, failed: asked.failed }, id);
    assert.equal((await post(`/containers/${id}/restart?t=0`)).status, 204);
    return judgeEffect(asked, id, 'at the next start');
  };

  const judgeFailure = async (
    { failed, stays }: UpdateCase & { readonly failed: RegExp },
    id: string,
  ): Promise<string | undefined> => {
    await saysIn(daemon().socket, id, 'touch /go');
    let text = '';
    const look = async (): Promise<boolean> => {
      ({ text } = await inspect(id));
      return failed.test(text);
    };
    const found = await eventually('inspect shows it', look, 10_000).catch(() => undefined);
    if (found === true && stays === true) await sleep(1000);
    return found === undefined || (stays === true && !(await look()))
      ? `after a failure inspect shows ${text}`
      : undefined;
  };

  test('of a running container', async () => {
    assert.deepEqual(await judgeAll(UPDATE_FIELDS, wrongWith), []);
  });
});
