import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HOST, INTERNET, makeLan, type Lan } from '../lib/lan.ts';
import { eventually, exec } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const ANSWER = ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'];

interface Reach {
  readonly Verdict: string;
  readonly By: string;
  readonly Unless: readonly { readonly Verdict: string; readonly By: string }[];
}
interface Explained {
  readonly Port: string;
  readonly At: string;
  readonly Lan: Reach;
  readonly Containers: Reach;
  readonly Host: Reach;
  readonly Notes: readonly string[];
}

/** What a host may have of its own; each with what an outsider finds and what the explanation says. */
const POLICIES: readonly {
  readonly what: string;
  readonly rules: string;
  readonly lan: 'open' | 'some' | 'closed';
  readonly by: RegExp;
  /** What the neighbour finds at 8080 and 8081. */
  readonly found: readonly [boolean, boolean];
}[] = [
  {
    what: 'a forward chain that drops all',
    rules:
      'chain forward { type filter hook forward priority 0; policy drop; ct state established,related accept; }',
    lan: 'closed',
    by: /^table inet host, chain forward: policy drop$/,
    found: [false, false],
  },
  {
    what: 'a rule for one port, behind a jump and a set',
    rules: `chain ports { tcp dport { 80, 443 } drop; }
      chain forward { type filter hook forward priority 10; ct state vmap { established : accept, related : accept }; iifname != "lo" jump ports; }`,
    lan: 'closed',
    by: /^table inet host, chain ports, rule handle \d+$/,
    found: [false, true],
  },
  {
    what: 'rules for translated connections and for who comes from elsewhere',
    rules: `chain forward { type filter hook forward priority 0; policy drop;
      ct state established,related accept; ip saddr ${INTERNET} ct status dnat accept; }`,
    lan: 'some',
    by: /^table inet host, chain forward: policy drop$/,
    found: [false, false],
  },
  {
    what: 'rules that concern other ports and links',
    rules: `chain forward { type filter hook forward priority 0; tcp dport 1000-2000 drop; iifname "wherry0" tcp dport 80 drop; udp dport 80 drop; meta l4proto sctp reject; }`,
    lan: 'open',
    by: /^table inet wherry, map any4$/,
    found: [true, true],
  },
];

daemonSuite('who gets to published ports', (daemon) => {
  let lan: Lan | undefined;
  const present = (): Lan => {
    assert.ok(lan !== undefined);
    return lan;
  };
  const onHost = (...argv: string[]) => present().onHost(...argv);
  const explain = async (name: string): Promise<Explained[]> =>
    JSON.parse(await daemon().wherryOk('port', '--explain', '--format', 'json', name)) as Explained[];
  const at = async (name: string, where: string): Promise<Explained> => {
    const found = (await explain(name)).find(({ At }) => At === where);
    assert.ok(found !== undefined, where);
    return found;
  };
  const load = async (rules: string): Promise<void> => {
    const argv = ['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--', 'nft', '-f', '-'];
    const { code, stderr } = await exec(argv, { input: `table inet host {\n${rules}\n}\n` });
    assert.equal(code, 0, stderr);
  };
  const isFound = async (port: number): Promise<boolean> =>
    (await present().neighbour.probe(HOST, port)) !== 'silent';

  before(async () => {
    lan = await makeLan(daemon());
    await daemon().mark();
  });
  after(() => lan?.[Symbol.asyncDispose]());

  for (const { what, rules, lan: expected, by, found } of POLICIES) {
    test(`it says what is so with ${what}`, async () => {
      const flags = ['-p', '8080:80', '-p', '8081:81', '-p', '127.0.0.1:7000:80'];
      await daemon().dockerOk('run', '-d', '--name', 'web', ...flags, 'busybox', ...ANSWER);
      await eventually('it is reached', () => isFound(8080));
      assert.equal((await at('web', '0.0.0.0:8080')).Lan.Verdict, 'open', 'without a policy');
      await load(rules);
      const { Lan: reach, Host: own } = await at('web', '0.0.0.0:8080');
      assert.equal(reach.Verdict, expected);
      assert.match(reach.By, by);
      assert.equal(own.Verdict, 'open');
      assert.deepEqual([await isFound(8080), await isFound(8081)], found);
      const local = await at('web', '127.0.0.1:7000');
      assert.deepEqual([local.Lan.Verdict, local.Lan.By], ['closed', 'table inet wherry, chain loopback']);
      await onHost('nft', 'delete', 'table', 'inet', 'host');
    });
  }

  test('what somebody puts into our table: an element goes, a chain stays, is told, and counts', async () => {
    await daemon().dockerOk('run', '-d', '--name', 'web', '-p', '8080:80', 'busybox', ...ANSWER);
    const address = await daemon().dockerOk('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web');
    const nft = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await onHost('nft', ...words);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const punch = (): Promise<string> =>
      nft('add', 'element', 'inet', 'wherry', 'any4', `{ tcp . 9999 : ${address} . 80 }`);
    const isClosed = async (): Promise<boolean> =>
      !(await nft('list', 'map', 'inet', 'wherry', 'any4')).includes('9999');
    await punch();
    await eventually('what came while it ran is gone', isClosed);
    await daemon().kill9();
    await punch();
    assert.equal(await isClosed(), false);
    await daemon().restart();
    assert.ok(await isClosed(), 'what came without a daemon is gone');
    await eventually('it is reached', () => isFound(8080));
    await nft('add', 'chain', 'inet', 'wherry', 'mine', '{ type filter hook forward priority 0; }');
    await nft('add', 'rule', 'inet', 'wherry', 'mine', 'tcp', 'dport', '80', 'drop');
    await eventually('it is told', async () =>
      /chains of somebody else.*mine \(hook forward\)/.test(await daemon().log()),
    );
    assert.equal(await isFound(8080), false);
    const { Lan: reach, Notes: notes } = await at('web', '0.0.0.0:8080');
    assert.equal(reach.Verdict, 'closed');
    assert.match(reach.By, /^table inet wherry, chain mine, rule handle \d+$/);
    assert.deepEqual(notes, ['table inet wherry has a chain "mine" of somebody else']);
    await nft('delete', 'chain', 'inet', 'wherry', 'mine');
  });

  test('rules of iptables are read, too; so are forwarding and addresses, and the table shows it', async () => {
    await onHost('ip', 'addr', 'add', '192.0.2.77/32', 'dev', 'lan0');
    const flags = ['-p', '8080:80', '-p', '192.0.2.77:9000:80'];
    await daemon().dockerOk('run', '-d', '--name', 'web', ...flags, 'busybox', ...ANSWER);
    await onHost('ip', 'addr', 'del', '192.0.2.77/32', 'dev', 'lan0');
    assert.match((await at('web', '192.0.2.77:9000')).Lan.By, /the host has no address 192.0.2.77/);
    const iptables = async (...argv: string[]): Promise<void> => {
      const { code, stderr } = await onHost('iptables', ...argv);
      assert.equal(code, 0, stderr);
    };
    await iptables('-A', 'FORWARD', '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT');
    await iptables(
      '-A',
      'FORWARD',
      '-p',
      'tcp',
      '--dport',
      '80',
      '-m',
      'comment',
      '--comment',
      'no',
      '-j',
      'REJECT',
    );
    const { Lan: reach } = await at('web', '0.0.0.0:8080');
    assert.deepEqual([reach.Verdict, reach.Unless], ['closed', []]);
    assert.match(reach.By, /^table ip filter, chain FORWARD, rule handle \d+$/);
    assert.notEqual(await present().neighbour.probe(HOST, 8080), 'open');
    const table = await daemon().wherryOk('port', '--explain', 'web', '80/tcp');
    assert.match(table, /^PORT +PUBLISHED AT +FOR +REACHED +DECIDED BY$/m);
    assert.match(table, /^80\/tcp +0\.0\.0\.0:8080 +other machines +no +table ip filter, chain FORWARD/m);
    assert.match(table, /^80\/tcp +0\.0\.0\.0:8080 +this host +yes +table inet wherry, map any4$/m);
    await iptables('-F', 'FORWARD');
    await onHost('sysctl', '-qw', 'net.ipv4.ip_forward=0');
    assert.match((await at('web', '0.0.0.0:8080')).Lan.By, /^net.ipv4.ip_forward is 0$/);
    await onHost('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    await onHost('nft', 'delete', 'table', 'ip', 'filter');
    await daemon().dockerOk('stop', '-t', '0', 'web');
    assert.match((await daemon().wherry('port', '--explain', 'web')).stderr, /is not running/);
  });
});

daemonSuite(
  'who gets to ports that respect the host',
  (daemon) => {
    test("the host's input policy decides", async () => {
      const argv = ['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--', 'nft', '-f', '-'];
      const input = `table inet host {\n chain input { type filter hook input priority 0; policy drop; tcp dport 8081 accept; ip saddr 192.0.2.0/24 tcp dport 8082 accept; }\n}\n`;
      assert.equal((await exec(argv, { input })).code, 0);
      const flags = ['8080:80', '8081:80', '8082:80'].flatMap((each) => ['-p', each]);
      await daemon().dockerOk('run', '-d', '--name', 'web', ...flags, 'busybox', ...ANSWER);
      const all = JSON.parse(
        await daemon().wherryOk('port', '--explain', '--format', 'json', 'web'),
      ) as Explained[];
      assert.deepEqual(
        all.map(({ At, Lan: { Verdict, Unless } }) => [At, Verdict, Unless.length]),
        [
          ['0.0.0.0:8080', 'closed', 0],
          ['0.0.0.0:8081', 'open', 0],
          ['0.0.0.0:8082', 'some', 1],
        ],
      );
      await exec([...argv.slice(0, 3), 'nft', 'delete', 'table', 'inet', 'host']);
    });
  },
  { args: ['--firewall', 'respect-host'] },
);
