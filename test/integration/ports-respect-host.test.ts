import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HOST, HOST6, INTERNET, makeLan, type Lan, type Peer } from '../lib/lan.ts';
import { eventually, exec } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** A host's own policy, as ufw and firewalld have it: all that comes in is dropped, but for answers, and one peer at one port. */
const POLICY = `table inet host {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iifname "lo" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    ip saddr ${INTERNET} tcp dport 8080 accept
    ip6 saddr 2001:db8:1::2 tcp dport 8080 accept
  }
}
`;
const ANSWER = ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'];

daemonSuite(
  'published ports that respect the host',
  (daemon) => {
    let lan: Lan | undefined;
    const present = (): Lan => {
      assert.ok(lan !== undefined);
      return lan;
    };
    const onHost = (...argv: string[]) => present().onHost(...argv);
    before(async () => {
      lan = await makeLan(daemon());
      await daemon().mark();
    });
    after(() => lan?.[Symbol.asyncDispose]());
    const answers = (from: Peer, address: string): Promise<unknown> =>
      eventually(`${address} answers`, async () =>
        (await from.run('busybox', 'nc', '-w', '2', address, '8080')).stdout.includes('hello'),
      );
    const setPolicy = async (): Promise<void> => {
      const argv = ['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--', 'nft', '-f', '-'];
      assert.equal((await exec(argv, { input: POLICY })).code, 0);
    };
    const dropPolicy = (): Promise<unknown> => onHost('nft', 'delete', 'table', 'inet', 'host');

    test('without a policy everybody reaches them; with one, whom it lets in', async () => {
      await daemon().dockerOk('network', 'create', '--ipv6', 'dual');
      const flags = ['-d', '--name', 'web', '--network', 'dual', '-p', '8080:80'];
      await daemon().dockerOk('run', ...flags, 'busybox', ...ANSWER);
      const { neighbour, internet } = present();
      for (const peer of [neighbour, internet]) await answers(peer, HOST);
      await setPolicy();
      assert.equal(await neighbour.probe(HOST, 8080), 'silent', 'it is denied');
      await answers(internet, HOST);
      await answers({ ...neighbour, run: onHost }, '127.0.0.1');
      const held = internet.run('sh', '-c', `sleep 4 | busybox nc ${HOST} 8080`);
      await eventually('the connection has its source', async () =>
        (await daemon().dockerOk('exec', 'web', 'netstat', '-tn')).includes(INTERNET),
      );
      await held;
      await dropPolicy();
      await answers(neighbour, HOST);
      await daemon().dockerOk('rm', '-f', 'web');
      await daemon().dockerOk('network', 'rm', 'dual');
    });

    test('so it is with IPv6, and after a restart and a reload of the firewall', async () => {
      await daemon().dockerOk('network', 'create', '--ipv6', 'dual');
      const flags = ['-d', '--name', 'web', '--network', 'dual', '-p', '8080:80'];
      await daemon().dockerOk('run', ...flags, 'busybox', ...ANSWER);
      const { neighbour, internet } = present();
      await setPolicy();
      await answers(neighbour, HOST6);
      assert.equal(await neighbour.probe(HOST, 8080), 'silent');
      await daemon().kill9();
      await answers(internet, HOST);
      await daemon().restart();
      await answers(neighbour, HOST6);
      await onHost('nft', 'flush', 'ruleset');
      await setPolicy();
      await answers(internet, HOST);
      assert.equal(await neighbour.probe(HOST, 8080), 'silent');
      await dropPolicy();
      await daemon().dockerOk('rm', '-f', 'web');
      await daemon().dockerOk('network', 'rm', 'dual');
    });
  },
  { args: ['--firewall', 'respect-host'] },
);
