import assert from 'node:assert/strict';
import { after, afterEach, before, describe, type TestContext } from 'node:test';
import { env } from 'node:process';
import { CLIENTS, type Client } from './clients.ts';
import { startDaemon, type Daemon, type DaemonOptions } from './daemon.ts';
import { requires, type NeedName } from './requires.ts';

const NEEDS: readonly NeedName[] = ['root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'];

/** Both, unless WHERRY_TEST_CLIENT names one. */
export const clients: readonly Client[] = CLIENTS.filter(
  (name) => (env['WHERRY_TEST_CLIENT'] ?? name) === name,
);

/**
 * Stories that share one daemon. After each, its containers are removed, and then nothing of them may be left: that is
 * part of every story.
 */
export function daemonSuite(
  name: string,
  stories: (daemon: () => Daemon) => void,
  options: DaemonOptions & { readonly needs?: readonly NeedName[] } = {},
): void {
  describe(name, requires(...NEEDS, ...(options.needs ?? [])), () => {
    let daemon: Daemon | undefined;
    const present = (): Daemon => {
      assert.ok(daemon !== undefined, 'The daemon did not start');
      return daemon;
    };
    before(async () => void (daemon = await startDaemon(undefined, options)));
    afterEach(async (t) => {
      await explain(t as TestContext, present());
      const ids = await present().dockerOk('ps', '-aq');
      if (ids !== '') await present().dockerOk('rm', '-f', ...ids.split('\n'));
      const leftovers = await present().leftovers();
      // Reported once, and not with every later story again.
      await present().mark();
      assert.deepEqual(leftovers, []);
    });
    after(() => daemon?.[Symbol.asyncDispose]());
    stories(present);
  });
}

/** Stories that are told to Debian's dockerd and to ours, in this order. */
export function besideSuite(name: string, stories: (daemons: () => readonly Daemon[]) => void): void {
  describe(name, requires('root', 'busybox', 'dockerd', 'overlay', 'nftables'), () => {
    let daemons: readonly Daemon[] = [];
    before(async () => {
      daemons = await Promise.all([true, false].map((peer) => startDaemon(undefined, { peer })));
    });
    after(() => Promise.all(daemons.map((daemon) => daemon[Symbol.asyncDispose]())));
    stories(() => daemons);
  });
}

/** After a failure, what the daemon had to say. */
async function explain(t: TestContext, daemon: Daemon): Promise<void> {
  if (t.passed) return;
  const lines = (await daemon.log()).trimEnd().split('\n');
  console.error(`The daemon's log ends with:\n${lines.slice(-15).join('\n')}`);
}
