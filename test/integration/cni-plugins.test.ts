import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DEBIAN_PLUGINS, makeCniPlace } from '../lib/cni.ts';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What plugins are told and what becomes of their answers: the test's own, shell scripts, stand beside Debian's. */
const place = await makeCniPlace();
after(() => place[Symbol.asyncDispose]());

const RESULT = '{"cniVersion":"1.0.0","ips":[{"address":"10.85.0.7/24","gateway":"10.85.0.1"}]';
/** Tells what it was called with, its stdin too, and hands a result on. */
const recorder = (more = ''): string => `
input=$(cat)
log "$CNI_COMMAND $0 $CNI_IFNAME $CNI_ARGS $input"
[ "$CNI_COMMAND" = ADD ] && echo '${RESULT}${more}}'
exit 0`;
const FAILS = `echo '{"cniVersion":"1.0.0","code":7,"msg":"no room","details":"the shelf is full"}'; exit 1`;

interface Call {
  readonly command: string;
  readonly type: string;
  readonly ifname: string;
  readonly args: string;
  readonly input: Readonly<Record<string, unknown>>;
}

const calls = async (): Promise<Call[]> =>
  (await place.told()).map((line) => {
    const [command = '', path = '', ifname = '', args = '', ...rest] = line.split(' ');
    return {
      ...{ command, type: path.split('/').at(-1) ?? '', ifname, args },
      input: JSON.parse(rest.join(' ')) as Call['input'],
    };
  });

daemonSuite(
  'CNI plugins',
  (daemon) => {
    const ok = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    const fails = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await daemon().docker(...args);
      assert.notEqual(code, 0, args.join(' '));
      return stderr;
    };
    const create = (name: string, path: string, ...more: string[]): Promise<string> =>
      ok('network', 'create', '-d', 'cni', '-o', `conflist=${path}`, ...more, name);
    const run = ['run', '-d', 'busybox', 'sleep', '1000'] as const;
    const runIn = (network: string, ...more: string[]): readonly string[] => [
      ...['run', '-d', '--network', network, ...more],
      ...run.slice(2),
    ];

    test('a first container: the bridge that it makes stays, by its plugin', async () => {
      const plugins = [{ type: 'bridge', bridge: 'cni-fails', ipam: place.hostLocal('10.86.0.0/24') }];
      await create('first', await place.list('first', { plugins }));
      await ok(...runIn('first', '--rm', '--name', 'first'));
      await ok('rm', '-f', 'first');
      await ok('network', 'rm', 'first');
      await daemon().mark();
    });

    test('ADD in order with prevResult and capabilities, CHECK in order, DEL in reverse with the last result', async () => {
      await place.plugin('one', recorder());
      await place.plugin(
        'two',
        recorder(',"dns":{"nameservers":["10.85.0.53"],"search":["shelf"],"options":["ndots:3"]}'),
      );
      const path = await place.list('told', {
        plugins: [
          { type: 'one', capabilities: { mac: true, bandwidth: true, portMappings: false }, mine: [1] },
          { type: 'two', capabilities: { aliases: true, ips: true }, ipam: { subnet: '10.85.0.0/24' } },
        ],
      });
      await create('told', path, '-o', 'args=A=1;B=2', '-o', 'ingress-rate=10m', '-o', 'egress-burst=5k');
      const settings = [
        '--network',
        'name=told,ip=10.85.0.7,mac-address=02:00:00:00:00:09,driver-opt=args=C=3,driver-opt=ingress-rate=20m',
      ];
      const id = await ok('run', '-d', ...settings, '--name', 'shelf', 'busybox', 'sleep', '1000');
      const resolv = await ok('exec', id, 'cat', '/etc/resolv.conf');
      assert.match(resolv, /^nameserver 127\.0\.0\.11$/m);
      assert.match(resolv, /^search shelf$/m);
      assert.match(resolv, /^options ndots:3$/m);
      assert.match(resolv, /ExtServers: \[10\.85\.0\.53\]/);
      const checked = await rest(daemon().socket, 'POST', { path: '/wherry/networks/told/check' });
      assert.deepEqual(JSON.parse(checked.text), [{ Container: id, Skipped: false, Error: '' }]);
      await ok('rm', '-f', id);
      await eventually('DEL', async () => (await calls()).length === 6);
      const all = await calls();
      assert.deepEqual(
        all.map(({ command, type }) => `${command} ${type}`),
        ['ADD one', 'ADD two', 'CHECK one', 'CHECK two', 'DEL two', 'DEL one'],
      );
      const [one, two] = all;
      // Docker's client writes options of an endpoint in small letters.
      const args = 'IgnoreUnknown=1;IP=10.85.0.7;MAC=02:00:00:00:00:09;A=1;B=2;c=3';
      for (const each of all) assert.deepEqual([each.ifname, each.args], ['eth0', args]);
      const bandwidth = { ingressRate: 20_000_000, egressBurst: 5000 };
      assert.deepEqual(one?.input, {
        ...{ type: 'one', mine: [1], name: 'told', cniVersion: '1.0.0' },
        runtimeConfig: { mac: '02:00:00:00:00:09', bandwidth },
      });
      const first = JSON.parse(`${RESULT}}`) as object;
      const last = {
        ...first,
        dns: { nameservers: ['10.85.0.53'], search: ['shelf'], options: ['ndots:3'] },
      };
      assert.deepEqual(two?.input['prevResult'], first);
      assert.deepEqual(two?.input['runtimeConfig'], {
        ips: ['10.85.0.7/24'],
        aliases: { told: ['shelf', id.slice(0, 12)] },
      });
      for (const { input } of all.slice(2)) assert.deepEqual(input['prevResult'], last);
      await ok('network', 'rm', 'told');
    });

    test('one that fails: its words and code, the others taken back, nothing left', async () => {
      await place.plugin('fails', `if [ "$CNI_COMMAND" = ADD ]; then ${FAILS}; fi`);
      const ipam = place.hostLocal('10.86.0.0/24');
      const plugins = [{ type: 'bridge', bridge: 'cni-fails', ipam }, { type: 'fails' }];
      await create('failing', await place.list('failing', { plugins }));
      const stderr = await fails(...runIn('failing', '--name', 'never'));
      assert.match(stderr, /plugin type="fails" failed \(add\): no room; the shelf is full \(code 7\)/);
      assert.deepEqual(await place.held('failing'), []);
      const id = await ok(...run);
      assert.match(
        await fails('network', 'connect', 'failing', id),
        /plugin type="fails" failed \(add\): no room/,
      );
      assert.ok(!(await ok('exec', id, 'ip', 'addr')).includes('eth1'));
      assert.ok(!(await ok('inspect', id)).includes('failing'));
      await ok('rm', '-f', 'never', id);
      await ok('network', 'rm', 'failing');
    });

    test('one that hangs is killed with its children after its time, and the start says so', async () => {
      await place.plugin('hangs', 'if [ "$CNI_COMMAND" = ADD ]; then sleep 1000 & wait; fi');
      await create(
        'hanging',
        await place.list('hanging', { plugins: [{ type: 'hangs' }] }),
        '-o',
        'timeout=700ms',
      );
      const before = performance.now();
      const stderr = await fails(...runIn('hanging', '--rm'));
      assert.match(stderr, /plugin type="hangs" failed \(add\): it did not end within 0\.7 s and was killed/);
      assert.ok(performance.now() - before < 20_000);
      await ok('network', 'rm', 'hanging');
    });

    test('one that dies, and one that answers nonsense', async () => {
      await place.plugin('dies', 'if [ "$CNI_COMMAND" = ADD ]; then echo oops >&2; kill -9 $$; fi');
      await place.plugin('raves', 'if [ "$CNI_COMMAND" = ADD ]; then echo hello; fi');
      for (const [type, words] of [
        ['dies', /plugin type="dies" failed \(add\): oops \(signal SIGKILL\)/],
        ['raves', /plugin type="raves" failed \(add\): its answer is no JSON .*hello/],
      ] as const) {
        await create(type, await place.list(type, { plugins: [{ type }] }));
        assert.match(await fails(...runIn(type, '--rm')), words);
        await ok('network', 'rm', type);
      }
    });

    test('DEL that fails is tried again until it works', async () => {
      const flag = join(place.directory, 'stuck');
      await writeFile(flag, '');
      const script = `if [ "$CNI_COMMAND" = DEL ] && [ -e ${flag} ]; then echo '{"code":11,"msg":"later"}'; exit 1; fi`;
      await place.plugin('stuck', `${script}; [ "$CNI_COMMAND" = DEL ] || echo '${RESULT}}'`);
      const plugins = [
        { type: 'bridge', bridge: 'cni-fails', ipam: place.hostLocal('10.86.0.0/24') },
        { type: 'stuck' },
      ];
      await create('stuck', await place.list('stuck', { plugins }));
      await ok(...runIn('stuck', '--name', 'leaving'));
      await ok('rm', '-f', 'leaving');
      await eventually('the failure is told', async () =>
        (await daemon().log()).includes('plugin type=\\"stuck\\" failed (delete): later (code 11)'),
      );
      await rm(flag);
      await ok('network', 'rm', 'stuck');
      await eventually('it is gone', async () => (await daemon().leftovers()).length === 0);
      assert.deepEqual(await place.held('stuck'), []);
    });

    test('what is wrong with a list or its plugins is said when the network is made', async () => {
      const wrong = async (options: readonly string[], words: RegExp): Promise<void> => {
        const flags = options.flatMap((each) => ['-o', each]);
        assert.match(await fails('network', 'create', '-d', 'cni', ...flags, 'wrong'), words);
      };
      const list = (content: object): Promise<string> => place.list('wrong', content);
      await place.plugin('old', 'exit 1');
      await wrong([], /the cni driver needs the option "conflist" .* or "name"/);
      await wrong(
        ['conflist=/nowhere.conflist'],
        /the CNI configuration "\/nowhere.conflist" does not exist/,
      );
      await wrong(['name=nobody'], /no CNI network "nobody" in /);
      await wrong([`conflist=${await list({ plugins: [] })}`], /it has no plugins/);
      const future = await list({ cniVersion: '9.0.0', plugins: [{ type: 'bridge' }] });
      await wrong([`conflist=${future}`], /cniVersion is "9.0.0", it must be one of 0.3.1, 0.4.0, 1.0.0/);
      const missing = await list({ plugins: [{ type: 'nosuch' }] });
      await wrong([`conflist=${missing}`], /failed to find plugin "nosuch" in path \[.*\/usr\/lib\/cni\]/);
      await wrong([`conflist=${missing}`, 'timeout=x'], /the option "timeout" is "x"/);
      await wrong([`conflist=${missing}`, 'egress-rate=fast'], /the option "egress-rate" is "fast"/);
      await wrong(
        [`conflist=${missing}`, 'parent=eth0'],
        /unknown option "parent" for the network driver "cni"/,
      );
    });

    test('a list by its name; one that is gone since; a version without CHECK', async () => {
      const conf = join(place.directory, 'conf', '10-old.conflist');
      const plugins = [{ type: 'bridge', bridge: 'cni-fails', ipam: place.hostLocal('10.86.0.0/24') }];
      await writeFile(conf, JSON.stringify({ cniVersion: '0.3.1', name: 'by-name', plugins }));
      await ok('network', 'create', '-d', 'cni', '-o', 'name=by-name', 'named');
      const id = await ok(...runIn('named'));
      const checked = await rest(daemon().socket, 'POST', { path: '/wherry/networks/named/check' });
      assert.deepEqual(JSON.parse(checked.text), [{ Container: id, Skipped: true, Error: '' }]);
      assert.match(await ok('exec', id, 'ip', 'addr', 'show', 'eth0'), /10\.86\.0\./);
      await rm(conf);
      assert.match(await fails(...runIn('named')), /no CNI network "by-name" in /);
      await ok('rm', '-f', id);
      await eventually('the address is given back', async () => (await place.held('by-name')).length === 0);
      await ok('network', 'rm', 'named');
    });
  },
  {
    needs: ['cni-plugins', 'iptables'],
    args: [
      ...[join(place.directory, 'bin'), DEBIAN_PLUGINS].flatMap((each) => ['--cni-plugin-dir', each]),
      ...['--cni-conf-dir', join(place.directory, 'conf')],
    ],
  },
);
