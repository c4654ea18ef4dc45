import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Daemon } from '../lib/daemon.ts';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { besideSuite } from '../lib/suite.ts';

const NS_PER_S = 1_000_000_000;
const CHECK = { Interval: NS_PER_S / 2, Timeout: 30 * NS_PER_S, Retries: 1 };

/** None that takes too long: 20.10 ends it by SIGTERM, and does not wait until it is gone. */
const CHECKS: Readonly<Record<string, object>> = {
  'a program': { Test: ['CMD', 'true'] },
  'a program with arguments': { Test: ['CMD', 'test', '1', '-eq', '1'] },
  'a script': { Test: ['CMD-SHELL', 'echo said; exit 0'] },
  'a failure': { Test: ['CMD-SHELL', 'exit 3'] },
  'one that is ended by a signal': { Test: ['CMD-SHELL', 'kill -9 $$'] },
  'no such program': { Test: ['CMD', 'no-such-program', 'x'] },
  'what is no program': { Test: ['CMD', '/etc/passwd'] },
};

interface Event {
  readonly Action: string;
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
}

/** What one probe or exec told: in order, with all attributes; ids and names are never the same. */
type Told = readonly (readonly [action: string, attributes: Readonly<Record<string, string>>])[];

besideSuite("a healthcheck's events beside dockerd", (daemons) => {
  for (const [name, check] of Object.entries(CHECKS))
    test(name, async () => {
      const [theirs, ours] = await Promise.all(
        daemons().map((daemon) => toldBy(daemon, { Healthcheck: { ...CHECK, ...check } })),
      );
      assert.deepEqual(ours, theirs);
    });

  test('an exec that can not start, beside it', async () => {
    const [theirs, ours] = await Promise.all(daemons().map((daemon) => toldBy(daemon, {}, failedExec)));
    assert.deepEqual(ours, theirs);
    assert.deepEqual(
      ours?.map(([action]) => action),
      ['exec_create: no-such ', 'exec_start: no-such '],
    );
  });
});

type Ask = (method: string, path: string, body?: unknown) => Promise<string>;

async function failedExec(ask: Ask, container: string): Promise<void> {
  const { Id: id } = JSON.parse(await ask('POST', `/containers/${container}/exec`, { Cmd: ['no-such'] })) as {
    Id: string;
  };
  await ask('POST', `/exec/${id}/start`, { Detach: true });
  // Behind whatever is told of the exec.
  await ask('POST', `/containers/${container}/pause`);
}

/** Runs a container until its first probe has ended, or `act` has. */
async function toldBy(
  { socket }: Daemon,
  request: object,
  act: (ask: Ask, id: string) => Promise<void> = async () => {},
): Promise<Told> {
  const ask: Ask = async (method, path, body) =>
    (await rest(socket, method, { path: `/v1.41${path}`, ...(body === undefined ? {} : { body }) })).text;
  const host = { HostConfig: { NetworkMode: 'none' }, Labels: { kind: 'checked' } };
  const created = await ask('POST', '/containers/create', {
    ...{ Image: 'busybox', Cmd: ['sleep', '1000'], ...host, ...request },
  });
  const { Id: id } = JSON.parse(created) as { Id: string };
  await ask('POST', `/containers/${id}/start`);
  await act(ask, id);
  const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
  const events = await eventually('the end is told', async () => {
    const until = Math.floor(Date.now() / 1000) + 2;
    const text = await ask('GET', `/events?since=1&until=${until}&filters=${filters}`);
    const all = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Event]));
    const end = all.findIndex(({ Action }) => /^(health_status|pause)/.test(Action));
    return end < 0 ? undefined : all.slice(0, end + 1);
  });
  await ask('DELETE', `/containers/${id}?force=1`);
  return events
    .filter(({ Action }) => /^(exec|health)_/.test(Action))
    .map(({ Action, Actor: { Attributes } }, _index, [first]) => {
      const { execID, name, ...rest } = Attributes;
      assert.match(execID ?? name ?? '', /^([0-9a-f]{64}|\w+)$/);
      const same = execID === undefined || execID === first?.Actor.Attributes['execID'];
      return [
        Action,
        { ...rest, ...(execID === undefined ? {} : { execID: same ? 'the first' : 'another' }) },
      ] as const;
    });
}
