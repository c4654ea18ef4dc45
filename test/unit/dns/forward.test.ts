import assert from 'node:assert/strict';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { decode, encode } from 'dns-packet';
import { createForwarder, type Forwarder } from '../../../daemon/core/dns/forward.ts';
import { readQuery, type Query } from '../../../daemon/core/dns/message.ts';
import { pidfdOpen } from '../../../native/sys/pidfd.ts';
import { ended, execOk, start } from '../../lib/process.ts';
import { inOwnNetns } from '../networks/own-netns.ts';

const SERVER = '127.0.0.53';
const DEAD = '127.0.0.54';

function queryOf(name: string): Query {
  const read = readQuery(encode({ type: 'query', id: 9, questions: [{ type: 'A', name }] }));
  assert.equal(read.kind, 'query');
  return read.query;
}

const rcodeOf = (bytes: Buffer): string => (decode(bytes) as unknown as { rcode: string }).rcode;

/** With a DNS server on the host's loopback, and a container that has a loopback of its own. */
async function withServer(story: (forwarder: Forwarder) => Promise<void>): Promise<void> {
  await execOk(['ip', 'link', 'set', 'lo', 'up']);
  const script = fileURLToPath(import.meta.resolve('../../lib/dns-server.ts'));
  const server = start([execPath, script, SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const raised = 'ip link set lo up; echo ready; exec sleep 100';
  const container = start(['unshare', '--net', 'sh', '-c', raised], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    assert.ok(server.stdout !== null && container.stdout !== null);
    await Promise.all([once(server.stdout, 'data'), once(container.stdout, 'data')]);
    const forwarder = createForwarder(pidfdOpen(container.pid ?? 0));
    await story(forwarder);
    forwarder.close();
  } finally {
    server.kill('SIGKILL');
    container.kill('SIGKILL');
    await Promise.all([ended(server), ended(container)]);
  }
}

await inOwnNetns(import.meta.url, {
  "a server on the host's loopback is asked by the host": () =>
    withServer(async (forwarder) => {
      for (const transport of ['udp', 'tcp'] as const) {
        const query = queryOf('some.example');
        const found = await forwarder.forward(query, [{ address: SERVER, fromHost: true }], transport);
        assert.equal(rcodeOf(found), 'NOERROR', transport);
        const own = await forwarder.forward(query, [{ address: SERVER, fromHost: false }], transport);
        assert.equal(rcodeOf(own), 'SERVFAIL', `the container's own loopback by ${transport}`);
      }
    }),
  'the next server is asked after one that is dead, refuses or fails, and no more than three': () =>
    withServer(async (forwarder) => {
      const [good, dead] = [SERVER, DEAD].map((address) => ({ address, fromHost: true }));
      assert.ok(good !== undefined && dead !== undefined);
      const asked = (name: string, servers: readonly (typeof good)[]): Promise<string> =>
        forwarder.forward(queryOf(name), servers, 'udp').then(rcodeOf);
      assert.equal(await asked('some.example', [dead, dead, good]), 'NOERROR');
      assert.equal(await asked('some.example', [dead, dead, dead, good]), 'SERVFAIL');
      assert.equal(await asked('broken.example', [good, good]), 'SERVFAIL');
      assert.equal(await asked('some.example', []), 'SERVFAIL');
      assert.equal(await asked('missing.example', [good, dead]), 'NXDOMAIN');
    }),
  'no more than 1024 questions wait at a time; what waits is given up at the end': () =>
    withServer(async (forwarder) => {
      const server = [{ address: SERVER, fromHost: true }];
      const silent = Array.from({ length: 1024 }, () =>
        forwarder.forward(queryOf('silent.example'), server, 'udp'),
      );
      assert.equal(rcodeOf(await forwarder.forward(queryOf('some.example'), server, 'udp')), 'REFUSED');
      forwarder.close();
      assert.deepEqual(new Set((await Promise.all(silent)).map(rcodeOf)), new Set(['SERVFAIL']));
    }),
});
