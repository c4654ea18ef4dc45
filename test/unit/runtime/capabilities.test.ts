import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unknownCapabilities } from '../../../runtime/security/capabilities.ts';
import { requires } from '../../lib/requires.ts';
import { run } from './container.ts';

test('names that no kernel has are told, each once', () => {
  const sets = { bounding: ['CAP_KILL', 'CAP_X'], effective: ['CAP_X', 'CAP_A'], ambient: ['kill'] };
  assert.deepEqual(unknownCapabilities(sets), ['CAP_A', 'CAP_X', 'kill']);
  assert.deepEqual(unknownCapabilities({}), []);
});

describe('the five sets of a process', requires('root', 'busybox', 'overlay'), () => {
  const [kill, chown] = [0x20, 0x1];
  const hex = (bits: number): string => bits.toString(16).padStart(16, '0');

  test('are what the specification says; an ambient one has to be permitted and inheritable', async (t) => {
    const { stdout, failure } = await run(t, 'grep ^Cap /proc/self/status', ({ process }) => {
      process.user = { uid: 1000, gid: 1000 };
      process.capabilities = {
        bounding: ['CAP_KILL', 'CAP_CHOWN', 'CAP_NO_SUCH'],
        permitted: ['CAP_KILL', 'CAP_CHOWN'],
        effective: ['CAP_KILL'],
        inheritable: ['CAP_KILL'],
        ambient: ['CAP_KILL', 'CAP_CHOWN'],
      };
      process.args = ['grep', '^Cap', '/proc/self/status'];
    });
    assert.equal(failure, undefined);
    const expected = [kill, kill, kill, kill | chown, kill].map(hex);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[1]),
      expected,
    );
  });

  test('without any set there is no capability, for root neither', async (t) => {
    const { stdout } = await run(t, 'grep ^Cap /proc/self/status', ({ process }) => {
      delete process.capabilities;
    });
    assert.equal(stdout.match(/\t0{16}\n/g)?.length, 5);
  });
});
