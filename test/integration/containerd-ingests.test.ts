import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Code, ConnectError, createClient, type Client } from '@connectrpc/connect';
import {
  Content,
  WriteAction,
  type WriteContentRequest,
  type WriteContentResponse,
} from '../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';
import { Leases } from '../../daemon/api/containerd/gen/containerd/services/leases/v1/leases_pb.ts';
import { Snapshots } from '../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { Health } from '../../daemon/api/containerd/gen/grpc/health/v1/health_pb.ts';
import { containerdTransport } from '../lib/containerd-client.ts';
import type { Daemon } from '../lib/daemon.ts';
import { daemonSuite } from '../lib/suite.ts';

const PIECE = Buffer.alloc(700_000, 'a wherry carries cargo ');
const PIECES = 5;
const WHOLE = Buffer.concat(Array.from({ length: PIECES }, () => PIECE));
const DIGEST = `sha256:${createHash('sha256').update(WHOLE).digest('hex')}`;

type Message = Partial<Omit<WriteContentRequest, '$typeName' | '$unknown'>>;

/** Sends one after the other, each when the last has its answer; returns the answers. */
async function write(
  content: Client<typeof Content>,
  messages: readonly Message[],
): Promise<WriteContentResponse[]> {
  const answers: WriteContentResponse[] = [];
  let answered = Promise.withResolvers<void>();
  async function* requests(): AsyncGenerator<Message> {
    for (const message of messages) {
      answered = Promise.withResolvers();
      yield message;
      await answered.promise;
    }
  }
  try {
    for await (const answer of content.write(requests())) {
      answers.push(answer);
      answered.resolve();
    }
    return answers;
  } finally {
    // Who waits for an answer that won't come would keep the connection.
    answered.resolve();
  }
}

const over = (daemon: Daemon): ReturnType<typeof containerdTransport> =>
  containerdTransport(join(daemon.execRoot, 'containerd.sock'), 'default');

daemonSuite(
  'contents on their way in',
  (daemon) => {
    test('go on where they were when the daemon was killed, and are whole', async () => {
      const begin: Message = {
        action: WriteAction.STAT,
        ref: 'cargo',
        expected: DIGEST,
        total: BigInt(WHOLE.length),
      };
      for (let piece = 0; piece < PIECES; piece += 1) {
        const content = createClient(Content, over(daemon()));
        const [stat, written] = await write(content, [
          begin,
          { action: WriteAction.WRITE, offset: BigInt(piece * PIECE.length), data: PIECE },
        ]);
        assert.equal(stat?.offset, BigInt(piece * PIECE.length));
        assert.equal(written?.offset, BigInt((piece + 1) * PIECE.length));
        await daemon().kill9();
        await daemon().restart();
      }
      const content = createClient(Content, over(daemon()));
      const { statuses } = await content.listStatuses({});
      assert.deepEqual(
        statuses.map(({ ref, offset, total, expected }) => ({ ref, offset, total, expected })),
        [{ ref: 'cargo', offset: BigInt(WHOLE.length), total: BigInt(WHOLE.length), expected: DIGEST }],
      );
      const [, committed] = await write(content, [
        begin,
        {
          action: WriteAction.COMMIT,
          offset: BigInt(WHOLE.length),
          total: BigInt(WHOLE.length),
          expected: DIGEST,
        },
      ]);
      assert.equal(committed?.digest, DIGEST);
      const read: Uint8Array[] = [];
      for await (const { data } of content.read({ digest: DIGEST, offset: 1n })) read.push(data);
      assert.ok(WHOLE.subarray(1).equals(Buffer.concat(read)));
      await content.delete({ digest: DIGEST });
      await settle(daemon());
    });

    test('are refused what is not theirs: a second writer, a wrong place, wrong content', async () => {
      const content = createClient(Content, over(daemon()));
      const gate = Promise.withResolvers<void>();
      async function* slowly(): AsyncGenerator<Message> {
        yield { action: WriteAction.WRITE, ref: 'slow', data: Buffer.from('abc') };
        await gate.promise;
      }
      const first = content.write(slowly())[Symbol.asyncIterator]();
      await first.next();
      await refused(
        write(content, [{ action: WriteAction.STAT, ref: 'slow' }]),
        Code.Unavailable,
        /^ref slow locked for/,
      );
      gate.resolve();
      await first.next();
      await refused(
        write(content, [{ action: WriteAction.WRITE, ref: 'slow', offset: 7n, data: Buffer.from('x') }]),
        Code.OutOfRange,
        /write @7 must occur at current offset 3/,
      );
      await refused(
        write(content, [{ action: WriteAction.COMMIT, ref: 'slow', offset: 3n, expected: DIGEST }]),
        Code.FailedPrecondition,
        /^unexpected commit digest sha256:ba7816bf.*, expected sha256:.*: failed precondition$/,
      );
      await refused(
        write(content, [{ action: WriteAction.STAT, ref: '' }]),
        Code.InvalidArgument,
        /must have a reference/,
      );
      await refused(content.abort({ ref: 'none' }), Code.NotFound, /not found/);
      await content.abort({ ref: 'slow' });
      assert.deepEqual(await readdir(join(daemon().dataRoot, 'content/writing')), []);
      await settle(daemon());
    });

    test('what another namespace has is there at once, and goes with the last that has it', async () => {
      const [one, two] = ['one', 'two'].map((namespace) =>
        createClient(Content, containerdTransport(join(daemon().execRoot, 'containerd.sock'), namespace)),
      ) as [Client<typeof Content>, Client<typeof Content>];
      const total = BigInt(PIECE.length);
      const expected = `sha256:${createHash('sha256').update(PIECE).digest('hex')}`;
      await write(one, [{ action: WriteAction.COMMIT, ref: 'a', data: PIECE, total, expected }]);
      await refused(two.info({ digest: expected }), Code.NotFound, /content digest .*: not found/);
      const [stat, done] = await write(two, [
        { action: WriteAction.STAT, ref: 'b', total, expected },
        {
          action: WriteAction.COMMIT,
          offset: total,
          total,
          expected,
          labels: { 'containerd.io/gc.root': 'yes' },
        },
      ]);
      assert.deepEqual([stat?.offset, done?.digest], [total, expected]);
      await one.delete({ digest: expected });
      await settle(daemon());
      assert.equal((await two.info({ digest: expected })).info?.size, total);
      await refused(
        write(two, [{ action: WriteAction.STAT, ref: 'c', total, expected }]),
        Code.AlreadyExists,
        /already exists/,
      );
      await two.delete({ digest: expected });
      for (const namespace of ['one', 'two']) await settle(daemon(), namespace);
    });

    test('what a lease holds is not collected, while it is there', async () => {
      const transport = over(daemon());
      const [content, leases, snapshots] = [
        createClient(Content, transport),
        createClient(Leases, transport),
        createClient(Snapshots, transport),
      ];
      await leases.create({ id: 'hold' });
      const headers = { 'containerd-lease': 'hold' };
      const digest = `sha256:${createHash('sha256').update('kept').digest('hex')}`;
      const pieces = content.write(one({ action: WriteAction.COMMIT, ref: 'k', data: Buffer.from('kept') }), {
        headers,
      });
      for await (const answer of pieces) assert.equal(answer.digest, digest);
      await snapshots.prepare({ snapshotter: 'overlayfs', key: 'held' }, { headers });
      await snapshots.prepare({ snapshotter: 'overlayfs', key: 'loose' });
      const { resources } = await leases.listResources({ id: 'hold' });
      assert.deepEqual(
        resources.map(({ type, id }) => `${type} ${id}`),
        [`content ${digest}`, 'snapshots/overlayfs held'],
      );
      await settle(daemon(), 'other');
      await content.info({ digest });
      await snapshots.stat({ snapshotter: 'overlayfs', key: 'held' });
      await refused(
        snapshots.stat({ snapshotter: 'overlayfs', key: 'loose' }),
        Code.NotFound,
        /does not exist/,
      );
      await refused(
        snapshots.prepare(
          { snapshotter: 'overlayfs', key: 'x' },
          { headers: { 'containerd-lease': 'none' } },
        ),
        Code.NotFound,
        /lease does not exist/,
      );
      await leases.delete({ id: 'hold', sync: true });
      await refused(content.info({ digest }), Code.NotFound, /not found/);
      await settle(daemon());
    });

    test('health, deadlines, and what is not served', async () => {
      const transport = over(daemon());
      const health = createClient(Health, transport);
      assert.equal((await health.check({})).status, 1);
      await refused(health.check({ service: 'none' }), Code.NotFound, /unknown service/);
      const watching = health.watch({}, { timeoutMs: 300 })[Symbol.asyncIterator]();
      assert.equal((await watching.next()).done, false);
      await refused(watching.next(), Code.DeadlineExceeded, /./);
      const path = join(daemon().execRoot, 'containerd.sock');
      const nowhere = createClient(Content, containerdTransport(path, ''));
      await refused(
        nowhere.info({ digest: DIGEST }),
        Code.FailedPrecondition,
        /^namespace is required: failed precondition$/,
      );
    });
  },
  { busybox: false, needs: ['ctr'] },
);

async function* one(message: Message): AsyncGenerator<Message> {
  yield message;
}

async function refused(call: Promise<unknown>, code: Code, text: RegExp): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.match(error.rawMessage, text);
    assert.equal(Code[error.code], Code[code]);
    return true;
  });
}

/** Has everything collected that nobody has a name for, and takes the namespace away. */
async function settle(daemon: Daemon, namespace = 'default'): Promise<void> {
  const { execOk } = await import('../lib/process.ts');
  const ctr = (...args: string[]): Promise<string> =>
    execOk(['ctr', '-a', join(daemon.execRoot, 'containerd.sock'), '-n', namespace, ...args]);
  await ctr('leases', 'create', '--id', 'settle');
  await ctr('leases', 'rm', '--sync', 'settle');
  await ctr('namespaces', 'rm', namespace).catch(() => '');
}
