import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { CreateBody } from '../../daemon/api/docker/wire/create.ts';
import { HostConfig } from '../../daemon/api/docker/wire/host-config.ts';
import { CREATE_FIELDS, type FieldCase } from '../lib/create-fields.ts';
import { ENDPOINT_FIELDS } from '../lib/endpoint-fields.ts';
import { fieldsOf, judgeAll } from '../lib/field-cases.ts';
import { eventually } from '../lib/process.ts';
import { rest, type Answer } from '../lib/rest.ts';
import { outputOf } from '../lib/rest-output.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Fields that hold others, each with a case of its own. */
const PARTS = ['HostConfig', 'NetworkingConfig'];

daemonSuite("every field of create's body works, or is refused by name", (daemon) => {
  const post = (path: string, body?: object): Promise<Answer> =>
    rest(daemon().socket, 'POST', { path, body });
  before(async () => {
    const subnets = ['--subnet', '10.77.0.0/24', '--ipv6', '--subnet', 'fd77::/64'];
    await daemon().dockerOk('network', 'create', ...subnets, 'fields');
    await daemon().mark();
  });

  test('there is a case for each, and none for what is no field', () => {
    const fields = {
      Config: fieldsOf(CreateBody).filter((name) => !PARTS.includes(name)),
      HostConfig: fieldsOf(HostConfig),
      NetworkingConfig: ENDPOINT_FIELDS,
    };
    for (const [part, own] of Object.entries(fields))
      assert.deepEqual(Object.keys(CREATE_FIELDS[part] ?? {}).toSorted(), own, part);
  });

  /** Undefined when it is as it should be. */
  const wrongWith = async (asked: FieldCase): Promise<string | undefined> => {
    const script = asked.runs === true ? 'sleep 1000' : (asked.script ?? 'true');
    const body = { Image: 'busybox', Cmd: ['sh', '-c', script], ...asked.ask };
    const prefix = asked.version === undefined ? '' : `/${asked.version}`;
    const made = await post(`${prefix}/containers/create`, body);
    if (made.status !== 201) return judgeRefusal(asked, made);
    const { Id, Warnings } = made.json<{ Id: string; Warnings: string[] }>();
    if (asked.warned?.test(Warnings.join('\n')) === true) return undefined;
    if (asked.shows !== undefined && asked.runs !== true) return judgeInspect(asked, Id);
    const started = await post(`/containers/${Id}/start`);
    if (started.status !== 204) return judgeRefusal(asked, started);
    if (asked.refused !== undefined) return 'it is not refused';
    if (asked.shows !== undefined) return judgeInspect(asked, Id);
    await post(`/containers/${Id}/wait`);
    const output = await outputOf(daemon().socket, Id);
    return asked.says?.test(output.trim()) === true ? undefined : `it says ${output}`;
  };

  const judgeRefusal = ({ refused }: FieldCase, { status, text }: Answer): string | undefined => {
    const { message } = JSON.parse(text) as { message: string };
    return refused?.test(message) === true ? undefined : `${status} ${message}`;
  };

  /** What a running container shows may come a little later. */
  const judgeInspect = async ({ shows }: FieldCase, id: string): Promise<string | undefined> => {
    let text = '';
    const look = async (): Promise<boolean> => {
      ({ text } = await rest(daemon().socket, 'GET', { path: `/containers/${id}/json` }));
      return shows?.test(text) === true;
    };
    return eventually('inspect shows it', look, 10_000).then(
      () => undefined,
      () => `inspect shows ${text}`,
    );
  };

  for (const [part, cases] of Object.entries(CREATE_FIELDS)) {
    test(part, async () => {
      await daemon().dockerOk('run', '-d', '--name', 'base', '-v', '/vol', 'busybox', 'sleep', '1000');
      await daemon().dockerOk(
        ...['run', '-d', '--name', 'known', '--network', 'fields', 'busybox', 'sleep', '1000'],
      );
      const wrong = await judgeAll(cases, wrongWith);
      await daemon().dockerOk('rm', '-fv', ...(await daemon().dockerOk('ps', '-aq')).split('\n'));
      assert.deepEqual(wrong, []);
    });
  }
});
