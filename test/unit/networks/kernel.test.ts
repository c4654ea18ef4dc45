import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKernel } from '../../../daemon/core/networks/kernel.ts';
import { requires } from '../../lib/requires.ts';

const LOOPBACK = { kind: 'index-inside', netns: '/proc/self/ns/net', name: 'lo' } as const;

test(
  'a thread at work in the kernel is waited for, and nothing is begun any more',
  requires('root'),
  async () => {
    const kernel = createKernel();
    let done = 0;
    const asked = Array.from({ length: 20 }, () => kernel.run(LOOPBACK).then((index) => (done += index)));
    await kernel.close();
    assert.equal(done, 20);
    await Promise.all(asked);
    await assert.rejects(kernel.run(LOOPBACK), { code: 'unavailable' });
  },
);
