import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PortReach } from '../../cli/port/explain.ts';
import { makeCniPlace } from '../lib/cni.ts';
import { HOST, makeLan, type Lan } from '../lib/lan.ts';
import { eventually, exec, execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Who gets to ports from networks that are shut in, and to ports that CNI's plugins translate. */
const place = await makeCniPlace();
after(() => place[Symbol.asyncDispose]());

const ANSWER = ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'];

/** The translation of one port is a rule of a chain for it alone. */
const PORTMAP =
  /^plugin "portmap" of the CNI network "front": table ip nat, chain CNI-DN-\w+, rule handle \d+$/;

daemonSuite(
  'who gets to published ports from where',
  (daemon) => {
    let lan: Lan | undefined;
    const ok = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
    const explain = async (name: string): Promise<PortReach[]> =>
      JSON.parse(await daemon().wherryOk('port', '--explain', '--format', 'json', name)) as PortReach[];
    const inNetns = (...argv: string[]): string[] => [
      ...['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'],
      ...argv,
    ];
    const fromLan = (port: number): Promise<string> =>
      lan?.neighbour.probe(HOST, port) ?? Promise.resolve('');
    const fromHost = async (port: number): Promise<boolean> =>
      (await exec(inNetns('busybox', 'nc', '-w', '2', HOST, String(port)))).stdout === 'hello\n';
    /** What a container in a network gets at a port of the host. */
    const from = async (network: string, port: number): Promise<boolean> => {
      const gateway = await ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network);
      const said = await daemon().docker(
        ...['run', '--rm', '--network', network, 'busybox', 'nc', '-w', '2'],
        ...[gateway.trim(), String(port)],
      );
      return said.stdout === 'hello\n';
    };
    const front = async (name: string, subnet: string): Promise<void> => {
      const path = await place.list(name, {
        plugins: [
          { type: 'bridge', bridge: `cni-${name}`, isGateway: true, ipam: place.hostLocal(subnet, ROUTES) },
          { type: 'portmap', capabilities: { portMappings: true } },
        ],
      });
      await ok('network', 'create', '-d', 'cni', '-o', `conflist=${path}`, name);
    };
    const ROUTES = { routes: [{ dst: '0.0.0.0/0' }] };

    before(async () => {
      lan = await makeLan(daemon());
      // What plugins leave by design is there from the first container on.
      await front('front', '10.91.0.0/24');
      await ok('run', '--rm', '--network', 'front', '-p', '8090:80', 'busybox', 'true');
      await eventually('it has left', async () => (await place.held('front')).length === 0);
      await daemon().mark();
    });
    after(() => lan?.[Symbol.asyncDispose]());

    test('containers of an internal network, and of one whose members are kept apart', async () => {
      const apart = ['-o', 'com.docker.network.bridge.enable_icc=false'];
      await ok('network', 'create', '--internal', 'inner');
      await ok('network', 'create', ...apart, 'apart');
      await ok('run', '-d', '--name', 'web', '-p', '8080:80', 'busybox', ...ANSWER);
      await ok('run', '-d', '--name', 'alone', '--network', 'apart', '-p', '8081:80', 'busybox', ...ANSWER);
      for (const [name, port, expected] of [
        ['web', 8080, { bridge: 'open', inner: 'closed', apart: 'open' }],
        ['alone', 8081, { bridge: 'open', inner: 'closed', apart: 'closed' }],
      ] as const) {
        const found = (await explain(name)).find(({ At }) => At === `0.0.0.0:${port}`);
        assert.equal(found?.Containers.Verdict, 'open');
        const said = Object.fromEntries(found.Networks.map(({ Network, Verdict }) => [Network, Verdict]));
        assert.deepEqual(said, expected);
        for (const [network, verdict] of Object.entries(expected))
          assert.equal(await from(network, port), verdict === 'open', `${network} to ${name}`);
      }
      const table = await daemon().wherryOk('port', '--explain', 'alone', '80/tcp');
      assert.match(table, /network inner +no +table inet wherry, chain networks: "inner" is internal$/m);
      assert.match(table, /network apart +no +.*containers of "apart" are kept apart$/m);
      assert.doesNotMatch(table, /network bridge/, 'as all others');
      await ok('rm', '-f', 'web', 'alone');
      await ok('network', 'rm', 'inner', 'apart');
    });

    test("ports that CNI's plugins translate: by their rules, the host's and ours", async () => {
      await ok('network', 'create', '--internal', 'inner');
      const ports = ['-p', '8090:80', '-p', '127.0.0.1:8091:80'];
      await ok('run', '-d', '--name', 'web', '--network', 'front', ...ports, 'busybox', ...ANSWER);
      await eventually('it is reached', async () => (await fromLan(8090)) === 'open');
      const [open, local] = await explain('web');
      assert.deepEqual([open?.At, open?.Lan.Verdict], ['0.0.0.0:8090', 'open']);
      assert.match(open?.Lan.By ?? '', PORTMAP);
      assert.deepEqual([open?.Host.Verdict, await fromHost(8090)], ['open', true]);
      assert.deepEqual(open?.Notes, []);
      assert.deepEqual([local?.Lan.Verdict, local?.Host.Verdict], ['closed', 'open']);
      for (const { Network, Verdict } of open?.Networks ?? [])
        assert.equal(await from(Network, 8090), Verdict === 'open', Network);
      assert.deepEqual(open?.Networks.map(({ Verdict }) => Verdict).toSorted(), ['closed', 'open']);
      const drops = `table inet host {\nchain forward { type filter hook forward priority 0; policy drop; ct state established accept; }\n}\n`;
      assert.equal((await exec(inNetns('nft', '-f', '-'), { input: drops })).code, 0);
      const [dropped] = await explain('web');
      assert.deepEqual(
        [dropped?.Lan.Verdict, dropped?.Lan.By],
        ['closed', 'table inet host, chain forward: policy drop'],
      );
      assert.equal(await fromLan(8090), 'silent');
      await execOk(inNetns('nft', 'delete', 'table', 'inet', 'host'));
      await execOk(inNetns('iptables', '-t', 'nat', '-F', 'CNI-HOSTPORT-DNAT'));
      const [broken] = await explain('web');
      assert.equal(broken?.Lan.Verdict, 'closed');
      assert.equal(broken.Lan.By, 'no rule of plugin "portmap" of the CNI network "front" leads there');
      assert.notEqual(await fromLan(8090), 'open');
      await ok('rm', '-f', 'web');
      await ok('network', 'rm', 'inner');
    });

    test('a container leaves the CNI network that carries its ports: another network takes them over, or nothing does', async () => {
      await ok('network', 'create', 'own');
      const networks = ['--network', 'name=front,gw-priority=1', '--network', 'own'];
      const id = await ok('run', '-d', '--name', 'web', ...networks, '-p', '8092:80', 'busybox', ...ANSWER);
      await eventually('it is reached', async () => (await fromLan(8092)) === 'open');
      const carriers = async (): Promise<string[]> => (await explain(id)).map(({ Host: { By } }) => By);
      assert.match((await carriers())[0] ?? '', PORTMAP);
      await ok('network', 'disconnect', 'front', id);
      const rules = await execOk(inNetns('iptables-save', '-t', 'nat'));
      assert.ok(!rules.includes('8092'), "the plugin's rules are gone");
      assert.deepEqual(await carriers(), ['table inet wherry, map any4']);
      assert.match(await ok('port', id), /^80\/tcp -> 0\.0\.0\.0:8092$/m);
      await eventually('by our bridge', async () => (await fromLan(8092)) === 'open');
      await ok('network', 'disconnect', 'own', id);
      assert.deepEqual([await ok('port', id), await carriers()], ['', []]);
      assert.notEqual(await fromLan(8092), 'open');
      await ok('run', '-d', '--name', 'next', '-p', '8092:80', 'busybox', ...ANSWER);
      await ok('rm', '-f', 'next');
      await ok('network', 'connect', 'front', id);
      assert.match((await carriers())[0] ?? '', PORTMAP);
      await eventually('by the plugin again', async () => (await fromLan(8092)) === 'open');
      await ok('rm', '-f', id);
      await ok('network', 'rm', 'own');
      await eventually('it has left', async () => (await place.held('front')).length === 0);
    });
  },
  {
    needs: ['cni-plugins', 'iptables'],
    args: place.pluginDirectories.flatMap((each) => ['--cni-plugin-dir', each]),
  },
);
