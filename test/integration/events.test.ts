import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChildProcess } from 'node:child_process';
import { ended, eventually } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';
import type { Client } from '../lib/clients.ts';

interface Message {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
}

daemonSuite('events', (daemon) => {
  /** Starts a client's stream of what happens from now on, even if it is still on its way to the daemon then. */
  const listen = async (
    client: Client,
    ...flags: string[]
  ): Promise<{ child: ChildProcess; seen: () => Message[] }> => {
    const since = String(Date.now() / 1000);
    const child = daemon().spawn(client, 'events', '--since', since, '--format', '{{json .}}', ...flags);
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const seen = (): Message[] =>
      out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Message);
    return { child, seen };
  };

  for (const client of clients) {
    test(`${client}: the life of a container`, async () => {
      const { child, seen } = await listen(client, '--filter', 'type=container');
      const id = await daemon().dockerOk('run', '-d', '--name', 'seen', 'busybox', 'sh', '-c', 'exit 3');
      await daemon().dockerOk('wait', id);
      await daemon().dockerOk('rm', id);
      await eventually('destroy came', () => seen().some(({ Action }) => Action === 'destroy'));
      child.kill('SIGINT');
      await ended(child);
      const own = seen().filter(({ Actor }) => Actor.ID === id);
      assert.deepEqual(
        own.map(({ Action }) => Action),
        ['create', 'start', 'die', 'destroy'],
      );
      const die = own.find(({ Action }) => Action === 'die');
      const { execDuration: _, ...attributes } = die?.Actor.Attributes ?? {};
      assert.deepEqual(attributes, { exitCode: '3', image: 'busybox', name: 'seen' });
      assert.ok(
        own.every((message, index) => index === 0 || message.timeNano >= (own[index - 1]?.timeNano ?? 0)),
      );
    });

    test(`${client}: --filter by event, container and label`, async () => {
      const flags = ['--filter', 'event=start', '--filter', 'event=die', '--filter', 'label=watch=me'];
      const { child, seen } = await listen(client, ...flags);
      await daemon().dockerOk('run', '--rm', 'busybox', 'true');
      await daemon().dockerOk('run', '--rm', '--label', 'watch=me', 'busybox', 'true');
      await eventually('die came', () => seen().some(({ Action }) => Action === 'die'));
      child.kill('SIGINT');
      await ended(child);
      assert.deepEqual(
        seen().map(({ Action }) => Action),
        ['start', 'die'],
      );
    });

    test(`${client}: --since and --until tell the past and end`, async () => {
      const since = String(Date.now() / 1000);
      await daemon().dockerOk('run', '--rm', '--name', 'past', 'busybox', 'true');
      const until = String(Date.now() / 1000);
      const filter = ['--filter', 'container=past', '--format', '{{.Action}}'];
      const out = await daemon().runOk(client, 'events', '--since', since, '--until', until, ...filter);
      const actions = out.split('\n');
      for (const action of ['create', 'attach', 'start', 'die']) assert.ok(actions.includes(action), out);
    });
  }

  test('exec, kill and network events', async () => {
    const { child, seen } = await listen('docker');
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    await daemon().dockerOk('exec', id, 'true');
    await daemon().dockerOk('kill', id);
    await daemon().dockerOk('wait', id);
    await eventually('disconnect came', () => seen().some(({ Action }) => Action === 'disconnect'));
    child.kill('SIGINT');
    await ended(child);
    const actions = seen().map(({ Type, Action }) => `${Type} ${Action}`);
    // Docker puts the arguments after the program and a space, also when there are none.
    const expected = ['container exec_create: true ', 'container exec_start: true ', 'container exec_die'];
    for (const action of [...expected, 'container kill', 'network connect', 'network disconnect']) {
      assert.ok(actions.includes(action), `${action} is missing among ${actions.join(', ')}`);
    }
    const kill = seen().find(({ Action }) => Action === 'kill');
    assert.equal(kill?.Actor.Attributes['signal'], '9');
  });
});
