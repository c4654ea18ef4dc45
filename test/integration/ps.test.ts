import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { clients, daemonSuite } from '../lib/suite.ts';

daemonSuite('ps', (daemon) => {
  const ids: Record<string, string> = {};
  beforeEach(async () => {
    const make = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    ids['made'] = await make('create', '--name', 'made', '--label', 'tier=front', 'busybox', 'echo', 'a b');
    ids['up'] = await make('run', '-d', '--name', 'up', '--label', 'tier=back', 'busybox', 'sleep', '1000');
    ids['over'] = await make('run', '-d', '--name', 'over', 'busybox', 'sh', '-c', 'exit 3');
    await make('wait', 'over');
  });

  for (const client of clients) {
    const names = async (...flags: string[]): Promise<string[]> => {
      const out = await daemon().runOk(client, 'ps', '--format', '{{.Names}}', ...flags);
      return out === '' ? [] : out.split('\n').toSorted();
    };

    test(`${client}: ps shows what runs, -a everything, -q ids, -n and -l the latest`, async () => {
      assert.deepEqual(await names(), ['up']);
      assert.deepEqual(await names('-a'), ['made', 'over', 'up']);
      assert.equal(await daemon().runOk(client, 'ps', '-q'), ids['up']?.slice(0, 12));
      assert.equal(await daemon().runOk(client, 'ps', '-q', '--no-trunc'), ids['up']);
      assert.deepEqual(await names('-l'), ['over']);
      assert.deepEqual(await names('-n', '2'), ['over', 'up']);
    });

    const filters: readonly (readonly [filters: readonly string[], names: readonly string[]])[] = [
      [['status=exited'], ['over']],
      [['status=created'], ['made']],
      [['status=running'], ['up']],
      [
        ['status=exited', 'status=created'],
        ['made', 'over'],
      ],
      [['name=ov'], ['over']],
      [['name=^/up$'], ['up']],
      [['label=tier'], ['made', 'up']],
      [['label=tier=back'], ['up']],
      [['exited=3'], ['over']],
      [['exited=4'], []],
      [['ancestor=busybox'], ['made', 'over', 'up']],
      [['ancestor=nosuch'], []],
      [['before=up'], ['made']],
      [['since=up'], ['over']],
      [['network=bridge'], ['made', 'over', 'up']],
      [['label=tier', 'status=running'], ['up']],
    ];
    test(`${client}: filters`, async () => {
      for (const [filter, expected] of filters) {
        const flags = filter.flatMap((text) => ['--filter', text]);
        assert.deepEqual(await names('-a', ...flags), expected, filter.join(' '));
      }
      const unknown = await daemon().run(client, 'ps', '--filter', 'nosuch=1');
      assert.equal(unknown.code, 1);
      assert.match(unknown.stderr, /invalid filter 'nosuch'/i);
    });

    test(`${client}: the table's columns`, async () => {
      const [header = '', ...lines] = (await daemon().runOk(client, 'ps', '-a')).split('\n');
      assert.match(header, /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
      const line = (name: string): string => lines.find((text) => text.endsWith(name)) ?? '';
      assert.match(line('made'), /^[0-9a-f]{12} +busybox +"echo 'a b'" +.* ago +Created +made$/);
      assert.match(line('up'), /busybox +"sleep 1000" +.* ago +Up .* +up$/);
      assert.match(line('over'), /busybox +"sh -c 'exit 3'" +.* ago +Exited \(3\) .* ago +over$/);
    });

    test(`${client}: --format with every placeholder`, async () => {
      const format =
        '{{.ID}}|{{.Image}}|{{.Command}}|{{.Status}}|{{.Names}}|{{.Label "tier"}}|{{.State}}|{{.Networks}}';
      const out = await daemon().runOk(client, 'ps', '-a', '--filter', 'name=made', '--format', format);
      const id = ids['made']?.slice(0, 12);
      assert.equal(out, `${id}|busybox|"echo 'a b'"|Created|made|front|created|bridge`);
      const json = await daemon().runOk(client, 'ps', '--format', '{{json .}}');
      assert.deepEqual([(JSON.parse(json) as { Names: string }).Names], ['up']);
      const table = await daemon().runOk(client, 'ps', '--format', 'table {{.Names}}\t{{.State}}');
      assert.deepEqual(
        table.split('\n').map((row) => row.split(/ +/)),
        [
          ['NAMES', 'STATE'],
          ['up', 'running'],
        ],
      );
    });
  }
});
