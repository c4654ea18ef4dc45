import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../../common/sqlite.ts';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import type { Sandbox } from '../../../daemon/core/networks/types.ts';
import type { PortBinding, Ports } from '../../../daemon/core/ports/contract.ts';
import { openPorts } from '../../../daemon/core/ports/ports.ts';
import { execOk } from '../../lib/process.ts';
import { inOwnNetns, joining, type Place } from './own-netns.ts';

const COUNT = 6_000;

const bindings: readonly PortBinding[] = Array.from({ length: COUNT }, (_unused, index) => ({
  containerPort: 1_000 + index,
  protocol: 'tcp',
  hostIp: '',
  hostPorts: { first: 20_000 + index, last: 20_000 + index },
}));

interface Bench extends AsyncDisposable {
  readonly ports: Ports;
  readonly sandbox: Sandbox;
  /** Descriptors of this process. */
  readonly fds: () => number;
  /** Of the map of published ports. */
  readonly elements: () => Promise<number>;
}

async function bench({ ctx, directory, open }: Place): Promise<Bench> {
  const networks = open();
  await networks.reconcile(ctx, new Set());
  const db = openDatabase(join(directory, 'ports'));
  const ports = openPorts({
    db,
    networks,
    bridgeName: 'wherry0',
    ephemeral: { first: 32_768, last: 60_999 },
    firewall: true,
    respectHost: false,
  });
  await ports.reconcile(ctx, []);
  const sandbox = await networks.reserve(ctx, 'box', joining('bridge'));
  return {
    ports,
    sandbox,
    fds: () => readdirSync('/proc/self/fd').length,
    elements: async () =>
      (await execOk(['nft', 'list', 'map', 'inet', 'wherry', 'any4'])).match(/tcp \. [0-9]+ : /g)?.length ??
      0,
    [Symbol.asyncDispose]: async () => {
      ports.close();
      db.close();
    },
  };
}

/** How often others got a turn while `act` was under way. */
async function turnsDuring(act: () => Promise<void>): Promise<number> {
  let [turns, over] = [0, false];
  const count = (): void => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await act();
  over = true;
  return turns;
}

await inOwnNetns(import.meta.url, {
  'thousands of ports are published, changed and withdrawn while others get their turns': async (place) => {
    await using at = await bench(place);
    const { ctx } = place;
    const before = at.fds();
    assert.ok((await turnsDuring(() => at.ports.publish(ctx, at.sandbox, bindings))) > 5);
    assert.equal(await at.elements(), COUNT);
    assert.equal(at.ports.of('box').length, COUNT);
    assert.equal(at.fds(), before + COUNT);
    assert.ok((await turnsDuring(() => at.ports.change(ctx, at.sandbox, bindings.slice(COUNT / 2)))) > 2);
    assert.equal(await at.elements(), COUNT / 2);
    assert.equal(at.fds(), before + COUNT / 2);
    assert.ok((await turnsDuring(() => at.ports.withdraw(ctx, 'box'))) > 2);
    assert.equal(await at.elements(), 0);
    assert.equal(at.fds(), before);
  },
  'who gives up while ports are chosen leaves nothing': async (place) => {
    await using at = await bench(place);
    const before = at.fds();
    const abort = new AbortController();
    const publishing = at.ports.publish(makeCtx(silentLog, abort.signal), at.sandbox, bindings);
    setImmediate(() => abort.abort());
    await assert.rejects(publishing);
    assert.equal(await at.elements(), 0);
    assert.equal(at.fds(), before);
    assert.deepEqual(at.ports.of('box'), []);
    await at.ports.publish(place.ctx, at.sandbox, bindings.slice(0, 10));
    assert.equal(await at.elements(), 10);
  },
});
