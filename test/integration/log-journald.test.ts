import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startJournal, type Journal } from '../lib/journal.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite(
  'the log driver journald, with a real journal',
  (daemon) => {
    let journal: Journal;
    before(async () => (journal = await startJournal()));
    after(() => journal[Symbol.asyncDispose]());

    type Entries = Awaited<ReturnType<Journal['entries']>>;
    const entriesOf = (id: string, count: number): Promise<Entries> =>
      eventually(`${count} entries came`, async () => {
        const found = await journal.entries(`CONTAINER_ID_FULL=${id}`);
        return found.length >= count ? found : undefined;
      });
    const run = (...args: string[]): Promise<string> =>
      daemon().dockerOk('run', '-d', '--log-driver', 'journald', ...args);

    test('every line is an entry, in order, with what the container is', async () => {
      const options = ['tag={{.Name}}/x', 'labels=tier', 'env=A'].flatMap((each) => ['--log-opt', each]);
      const script = 'seq 1 100; sleep 0.2; echo bad >&2';
      const id = await run(
        ...[
          ...options,
          '--name',
          'boat',
          '--label',
          'tier=front',
          '-e',
          'A=b',
          'busybox',
          'sh',
          '-c',
          script,
        ],
      );
      const entries = await entriesOf(id, 101);
      const expected = [...Array.from({ length: 100 }, (_, index) => String(index + 1)), 'bad'];
      assert.deepEqual(
        entries.map(({ MESSAGE }) => MESSAGE),
        expected,
      );
      const [first, last] = [entries[0] ?? {}, entries.at(-1) ?? {}];
      const { CONTAINER_ID, CONTAINER_NAME, CONTAINER_TAG, SYSLOG_IDENTIFIER, IMAGE_NAME, TIER, A } = first;
      assert.deepEqual(
        [CONTAINER_ID, CONTAINER_NAME, CONTAINER_TAG, SYSLOG_IDENTIFIER, IMAGE_NAME, TIER, A],
        [id.slice(0, 12), 'boat', 'boat/x', 'boat/x', 'busybox', 'front', 'b'],
      );
      assert.deepEqual([first['PRIORITY'], last['PRIORITY']], ['6', '3']);
      assert.equal((await daemon().dockerOk('logs', id)).split('\n').length, 100);
    });

    test('a long line comes in parts that are marked', async () => {
      const id = await run('busybox', 'sh', '-c', 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo end');
      const entries = await entriesOf(id, 4);
      const texts = entries.map(({ MESSAGE = '' }) => MESSAGE);
      assert.equal(texts.slice(0, -1).join(''), 'x'.repeat(40_000));
      assert.deepEqual(
        entries.map(({ CONTAINER_PARTIAL_MESSAGE }) => CONTAINER_PARTIAL_MESSAGE),
        ['true', 'true', undefined, undefined],
      );
    });
  },
  { needs: ['systemd-journald'] },
);
