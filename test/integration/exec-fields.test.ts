import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExecBody, ExecStartBody } from '../../daemon/api/docker/wire/exec.ts';
import { EXEC_FIELDS, EXEC_START_FIELDS, type ExecCase } from '../lib/exec-fields.ts';
import { execSession } from '../lib/exec-session.ts';
import { fieldsOf, judgeAll } from '../lib/field-cases.ts';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { saysIn } from '../lib/rest-output.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('every field of the bodies for an exec and its start works', (daemon) => {
  test('there is a case for each, and none for what is no field', () => {
    assert.deepEqual(Object.keys(EXEC_FIELDS).toSorted(), fieldsOf(ExecBody));
    assert.deepEqual(Object.keys(EXEC_START_FIELDS).toSorted(), fieldsOf(ExecStartBody));
  });

  /** Undefined when it is as it should be. */
  const wrongWith = async (container: string, asked: ExecCase): Promise<string | undefined> => {
    const { socket } = daemon();
    const both = { AttachStdout: true, AttachStderr: true };
    const body = { ...both, Cmd: ['sh', '-c', asked.script ?? ''], ...asked.ask };
    const made = await rest(socket, 'POST', { path: `/containers/${container}/exec`, body });
    if (made.status !== 201) return `${made.status} ${made.text}`;
    const { Id } = made.json<{ Id: string }>();
    const start = asked.start ?? { Tty: 'Tty' in body && body.Tty };
    const said = await execSession(socket, Id, { body: start, input: asked.input });
    if (!asked.says.test(said)) return `it says ${JSON.stringify(said)}`;
    const { text } = await rest(socket, 'GET', { path: `/exec/${Id}/json` });
    if (asked.shows?.test(text) === false) return `inspect shows ${text}`;
    const { later } = asked;
    if (later !== undefined)
      await eventually(later, async () => (await saysIn(socket, container, later)) === 'made\n');
    return undefined;
  };

  test('of an exec', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    assert.deepEqual(await judgeAll(EXEC_FIELDS, (asked) => wrongWith(id, asked)), []);
  });

  test('of its start', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const cases = Object.entries(EXEC_START_FIELDS).flatMap(([field, list]) =>
      list.map((asked, index) => [`${field} ${index + 1}`, asked] as const),
    );
    assert.deepEqual(await judgeAll(Object.fromEntries(cases), (asked) => wrongWith(id, asked)), []);
  });
});
