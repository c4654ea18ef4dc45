import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('networks', (daemon) => {
  const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon().docker(...args);
    assert.notEqual(code, 0, `docker ${args.join(' ')} was not refused`);
    const [text = ''] = stderr.trim().split(/\n\nRun |\nexit status/);
    return text.replace(/^(docker: )?Error response from daemon: /, '');
  };
  const sleeper = (...args: string[]): Promise<string> =>
    docker('run', '-d', ...args, 'busybox', 'sleep', '1000');
  const address = (id: string, network: string): Promise<string> =>
    docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, id);
  const inNetns = (...argv: string[]): Promise<string> =>
    execOk(['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--', ...argv]);
  const pings = async (from: string, to: string): Promise<boolean> =>
    (await daemon().docker('exec', from, 'ping', '-c', '1', '-W', '1', to)).code === 0;

  test('a network is made as it was asked for, shown, and removed', async () => {
    const id = await docker(
      ...[
        'network',
        'create',
        '--subnet',
        '10.50.0.0/16',
        '--ip-range',
        '10.50.5.0/24',
        '--gateway',
        '10.50.0.9',
      ],
      ...[
        '--aux-address',
        'printer=10.50.5.0',
        '--label',
        'tier=web',
        '--opt',
        'com.docker.network.driver.mtu=1400',
      ],
      ...['--internal', '--attachable', 'front'],
    );
    const [shown] = JSON.parse(await docker('network', 'inspect', 'front')) as [Record<string, unknown>];
    const { Created: _created, ...rest } = shown;
    assert.deepEqual(rest, {
      Name: 'front',
      Id: id,
      Scope: 'local',
      Driver: 'bridge',
      EnableIPv4: true,
      EnableIPv6: false,
      IPAM: {
        Driver: 'default',
        Options: {},
        Config: [
          {
            Subnet: '10.50.0.0/16',
            IPRange: '10.50.5.0/24',
            Gateway: '10.50.0.9',
            AuxiliaryAddresses: { printer: '10.50.5.0' },
          },
        ],
      },
      Internal: true,
      Attachable: true,
      Ingress: false,
      ConfigFrom: { Network: '' },
      ConfigOnly: false,
      Containers: {},
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Labels: { tier: 'web' },
    });
    const bridge = await inNetns('ip', '-br', 'address', 'show', `br-${id.slice(0, 12)}`);
    assert.match(bridge, /10\.50\.0\.9\/16/);
    const container = await sleeper('--network', 'front');
    assert.equal(await address(container, 'front'), '10.50.5.1');
    assert.match(await docker('exec', container, 'cat', '/sys/class/net/eth0/mtu'), /^1400$/);
    assert.doesNotMatch(await docker('exec', container, 'ip', 'route'), /default/, 'internal');
    assert.equal(
      await refused('network', 'rm', 'front'),
      `error while removing network: network front id ${id} has active endpoints`,
    );
    await docker('rm', '-f', container);
    assert.equal(await docker('network', 'rm', 'front'), 'front');
    await assert.rejects(inNetns('ip', 'link', 'show', `br-${id.slice(0, 12)}`));
    assert.match(await refused('network', 'inspect', 'front'), /network front not found/);
  });

  test('what can not be is refused in words of docker', async () => {
    await docker('network', 'create', '--subnet', '10.51.0.0/16', 'taken');
    for (const [argv, message] of [
      [['taken'], 'network with name taken already exists'],
      [
        ['--subnet', '10.51.4.0/24', 'x'],
        'invalid pool request: Pool overlaps with other one on this address space',
      ],
      [
        ['--subnet', '10.52.0.1/16', 'x'],
        'invalid network config:\ninvalid subnet 10.52.0.1/16: it should be 10.52.0.0/16',
      ],
      [['bridge'], 'operation is not permitted on predefined bridge network'],
      [['-d', 'nosuch', 'x'], 'could not find plugin nosuch in v1 plugin registry: plugin not found'],
      [['-o', 'com.docker.network.driver.mtu=many', 'x'], 'invalid MTU value: many'],
    ] as const) {
      assert.equal(await refused('network', 'create', ...argv), message);
    }
    assert.equal(
      await refused('network', 'rm', 'bridge'),
      'bridge is a pre-defined network and cannot be removed',
    );
    assert.match(
      await refused('run', '--rm', '--network', 'taken', '--ip', '10.60.0.1', 'busybox'),
      /no configured subnet or ip-range contain the IP address 10\.60\.0\.1/,
    );
    assert.match(
      await refused('run', '--rm', '--ip', '172.17.0.9', 'busybox'),
      /user specified IP address is supported on user defined networks only/,
    );
    assert.match(
      await refused('run', '--rm', '--network', 'missing', 'busybox'),
      /network missing not found/,
    );
    await docker('network', 'rm', 'taken');
  });

  test('a container on several networks: interfaces in order, addresses, the gateway by priority', async () => {
    await docker('network', 'create', '--subnet', '10.61.0.0/24', 'na');
    await docker('network', 'create', '--subnet', '10.62.0.0/24', 'nb');
    const id = await sleeper(
      ...['--network', 'name=nb,ip=10.62.0.7,alias=boat,mac-address=02:00:00:00:00:07'],
      ...['--network', 'name=na,gw-priority=5'],
    );
    const script = 'ip -o -4 addr; ip route show default; cat /sys/class/net/eth0/address';
    const said = await docker('exec', id, 'sh', '-c', script);
    assert.match(
      said,
      /eth0 .*10\.62\.0\.7\/24[^]*eth1 .*10\.61\.0\.2\/24[^]*default via 10\.61\.0\.1 dev eth1[^]*02:00:00:00:00:07/,
    );
    const [shown] = JSON.parse(await docker('inspect', id)) as [
      { NetworkSettings: { Networks: Record<string, Record<string, unknown>> } },
    ];
    const { nb } = shown.NetworkSettings.Networks;
    assert.deepEqual(nb?.['IPAMConfig'], { IPv4Address: '10.62.0.7' });
    assert.deepEqual(nb?.['Aliases'], ['boat']);
    assert.ok((nb?.['DNSNames'] as string[] | undefined)?.includes('boat'));
    const hosts = await docker('exec', id, 'cat', '/etc/hosts');
    for (const each of ['10.62.0.7', '10.61.0.2'])
      assert.ok(hosts.includes(`${each}\t${id.slice(0, 12)}`), hosts);
    await docker('rm', '-f', id);
    await docker('network', 'rm', 'na', 'nb');
  });

  test('connect and disconnect while it runs, and what stays for the next start', async () => {
    await docker('network', 'create', 'live');
    const id = await sleeper('--name', 'mover');
    await docker('network', 'connect', '--alias', 'other', '--gw-priority', '1', 'live', 'mover');
    const there = await address(id, 'live');
    assert.match(
      await docker('exec', id, 'ip', '-o', '-4', 'addr', 'show', 'eth1'),
      new RegExp(`${there}/16`),
    );
    assert.match(await docker('exec', id, 'ip', 'route', 'show', 'default'), /dev eth1/);
    assert.ok((await docker('exec', id, 'cat', '/etc/hosts')).includes(there));
    const gateway = await docker('inspect', '-f', '{{.NetworkSettings.Networks.live.Gateway}}', id);
    assert.ok(await pings(id, gateway));
    const members = await docker(
      'network',
      'inspect',
      '-f',
      '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}',
      'live',
    );
    assert.equal(members, `mover ${there}/16`);
    assert.match(
      await refused('network', 'connect', 'live', 'mover'),
      /endpoint with name mover already exists in network live/,
    );
    await docker('restart', '-t', '0', 'mover');
    assert.match(await docker('exec', id, 'ip', '-o', '-4', 'addr', 'show', 'eth1'), new RegExp('inet'));
    await docker('network', 'disconnect', 'bridge', 'mover');
    assert.match(await docker('exec', id, 'ip', 'route', 'show', 'default'), /dev eth1/);
    assert.doesNotMatch(await docker('exec', id, 'ip', 'link'), /eth0/);
    await docker('network', 'disconnect', 'live', 'mover');
    assert.equal(await docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', id), '{}');
    assert.match(await refused('network', 'disconnect', 'live', 'mover'), /is not connected to network live/);
    await docker('network', 'connect', 'bridge', 'mover');
    assert.match(await docker('exec', id, 'ip', 'route', 'show', 'default'), /dev eth0/);
    await docker('rm', '-f', id);
    await docker('network', 'rm', 'live');
  });

  test('containers of different networks do not reach one another, of the same they do', async () => {
    await docker('network', 'create', 'one');
    await docker('network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', 'mute');
    const [a, b, c, d, e] = await Promise.all([
      sleeper('--network', 'one'),
      sleeper('--network', 'one'),
      sleeper(),
      sleeper('--network', 'mute'),
      sleeper('--network', 'mute'),
    ]);
    assert.ok(await pings(a, await address(b, 'one')), 'the same network');
    assert.ok(!(await pings(a, await address(c, 'bridge'))), 'the default bridge');
    assert.ok(!(await pings(c, await address(a, 'one'))), 'from the default bridge');
    assert.ok(!(await pings(d, await address(e, 'mute'))), 'icc false');
    await docker('rm', '-f', a, b, c, d, e);
    await docker('network', 'rm', 'one', 'mute');
  });

  test("a container in another's network namespace has its interfaces, names and files", async () => {
    const id = await sleeper('--name', 'owner', '--hostname', 'quay');
    const own = await docker('exec', id, 'ip', '-o', '-4', 'addr');
    const said = await docker(
      'run',
      '--rm',
      '--network',
      'container:owner',
      'busybox',
      'sh',
      '-c',
      'ip -o -4 addr; hostname; cat /etc/hosts',
    );
    assert.ok(said.startsWith(own), said);
    assert.match(said, /\nquay\n[^]*\tquay$/);
    assert.equal(
      await refused('run', '--rm', '--network', 'container:owner', '--dns', '1.1.1.1', 'busybox'),
      'conflicting options: dns and the network mode',
    );
    assert.equal(
      await refused('run', '--rm', '--network', 'container:owner', '-h', 'x', 'busybox'),
      'conflicting options: hostname and the network mode',
    );
    await docker('stop', '-t', '0', id);
    assert.match(
      await refused('run', '--rm', '--network', 'container:owner', 'busybox'),
      /cannot join network namespace of a non running container/,
    );
  });

  test('a link gives names and variables', async () => {
    assert.match(
      await refused('create', '--link', 'nobody', 'busybox'),
      /could not get container for nobody: No such container: nobody/,
    );
    const id = await sleeper('--name', 'db', '--expose', '5432', '-e', 'COLOUR=red');
    const there = await address(id, 'bridge');
    const said = await docker(
      'run',
      '--rm',
      '--link',
      'db:store',
      'busybox',
      'sh',
      '-c',
      'cat /etc/hosts; env',
    );
    assert.ok(said.includes(`${there}\tstore ${id.slice(0, 12)} db`), said);
    assert.ok(
      said.includes(`STORE_PORT_5432_TCP_ADDR=${there}\n`) && said.includes('STORE_ENV_COLOUR=red\n'),
      said,
    );
  });

  test('IPv6: chosen and given subnets, IPv6 alone', async () => {
    await docker('network', 'create', '--ipv6', 'dual');
    await docker('network', 'create', '--ipv6', '--ipv4=false', '--subnet', 'fd00:51::/64', 'six');
    const id = await sleeper('--network', 'name=six,ip6=fd00:51::42', '--network', 'dual');
    const said = await docker('exec', id, 'ip', '-o', 'addr');
    assert.match(said, /eth0 .*inet6 fd00:51::42\/64/);
    assert.doesNotMatch(said, /eth0 +inet /);
    const gateway = await docker('inspect', '-f', '{{.NetworkSettings.Networks.dual.IPv6Gateway}}', id);
    assert.match(gateway, /^fd/);
    const six = await sleeper('--network', 'six');
    const other = await docker('inspect', '-f', '{{.NetworkSettings.Networks.six.GlobalIPv6Address}}', six);
    assert.equal((await daemon().docker('exec', id, 'ping', '-6', '-c', '1', '-W', '2', other)).code, 0);
    await docker('rm', '-f', id, six);
    await docker('network', 'rm', 'dual', 'six');
  });

  test('lists with filters, prune, events', async () => {
    const since = String(Math.floor(Date.now() / 1000));
    await docker('network', 'create', '--label', 'keep', 'kept');
    await docker('network', 'create', 'unused');
    const id = await docker('create', '--network', 'kept', 'busybox', 'true');
    const names = async (...args: string[]): Promise<string> =>
      (await docker('network', 'ls', '--format', '{{.Name}}', ...args)).split('\n').sort().join(' ');
    assert.equal(await names(), 'bridge host kept none unused');
    assert.equal(await names('-f', 'type=custom'), 'kept unused');
    assert.equal(await names('-f', 'label=keep'), 'kept');
    assert.equal(await names('-f', 'dangling=true'), 'unused');
    assert.equal(await names('-f', 'driver=null'), 'none');
    assert.equal(await docker('network', 'prune', '-f'), 'Deleted Networks:\nunused\n');
    await docker('start', '-a', id);
    await docker('rm', id);
    await docker('network', 'rm', 'kept');
    const until = String(Math.floor(Date.now() / 1000) + 1);
    const format = '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}';
    const events = await docker(
      'events',
      '--since',
      since,
      '--until',
      until,
      '--filter',
      'type=network',
      '--format',
      format,
    );
    const ours = events.split('\n').filter((line) => / (kept|unused)$/.test(line));
    assert.deepEqual(ours, [
      'network create kept',
      'network create unused',
      'network destroy unused',
      'network connect kept',
      'network disconnect kept',
      'network destroy kept',
    ]);
  });
});
