import { bool, int, text } from '../../../common/flags/flag.ts';
import { asError, isNotFound } from '../../containerd/errors.ts';
import { humanDuration, humanSize } from '../../format/units.ts';
import { print } from '../../output.ts';
import { logLine } from '../log-line.ts';
import { standardSinks } from '../../stream/sinks.ts';
import { defineCommand } from '../command.ts';
import { duration } from '../global-flags.ts';
import { labelPaths, readLabels } from '../labels.ts';
import { printTabbed, showLabels } from '../table.ts';
import { milliseconds } from '../times.ts';
import { checkDigest, readBlob } from './read.ts';
import { writeBlob } from './write.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';

const age = (sinceMs: number): string => humanDuration(Math.max(0, Date.now() - sinceMs) / 1000);

export const list = defineCommand({
  usage: '[flags] [<filter>, ...]',
  flags: { quiet: bool('print only the blob digest', { short: 'q' }) },
  run: async ({ containerd, flags, args }) => {
    const rows = [['DIGEST', 'SIZE', 'AGE', 'LABELS']];
    for await (const { info } of containerd.service(Content).list({ filters: [...args] })) {
      for (const { digest, size, createdAt, labels } of info) {
        if (flags.quiet) print(`${digest}\n`);
        else
          rows.push([
            digest,
            humanSize(Number(size), 4),
            age(milliseconds(createdAt)),
            showLabels(labels) || '-',
          ]);
      }
    }
    if (!flags.quiet) printTabbed(rows);
    return 0;
  },
});

export const active = defineCommand({
  usage: '[flags] [<regexp>]',
  flags: {
    // Taken for ctr's sake, which does nothing with them either: one call is made, and the daemon knows its store.
    timeout: duration('total timeout for fetch', { short: 't' }),
    root: text('path to content store root', { initial: '/tmp/content', shown: '"/tmp/content"' }),
  },
  run: async ({ containerd, args: [pattern] }) => {
    const filters = pattern === undefined ? [] : [`ref~=${JSON.stringify(pattern)}`];
    const { statuses } = await containerd.service(Content).listStatuses({ filters });
    printTabbed([
      ['REF', 'SIZE', 'AGE', ''],
      ...statuses.map(({ ref, offset, startedAt }) => [
        ref,
        humanSize(Number(offset), 4),
        age(milliseconds(startedAt)),
        '',
      ]),
    ]);
    return 0;
  },
});

export const get = defineCommand({
  usage: '[<digest>, ...]',
  flags: {},
  run: async ({ containerd, args: [digest = ''] }) => {
    checkDigest(digest);
    const { stdout } = standardSinks();
    for await (const bytes of readBlob(containerd, digest)) await stdout.write(bytes);
    return 0;
  },
});

export const remove = defineCommand({
  usage: '[<digest>, ...]',
  flags: {},
  run: async ({ containerd, args }) => {
    let failure: Error | undefined;
    for (const digest of args) {
      let what = `could not delete ${digest}`;
      try {
        checkDigest(digest);
        what = `failed to delete "${digest}"`;
        await containerd.service(Content).delete({ digest });
        print(`${digest}\n`);
      } catch (error) {
        if (isNotFound(error)) continue;
        failure ??= asError(error);
        logLine('error', what, error);
      }
    }
    if (failure !== undefined) throw failure;
    return 0;
  },
});

export const label = defineCommand({
  usage: '<digest> [<label>=<value> ...]',
  flags: {},
  run: async ({ containerd, args: [digest = '', ...words] }) => {
    checkDigest(digest);
    const labels = readLabels(words);
    const paths = labelPaths(labels);
    const content = containerd.service(Content);
    const { info } =
      paths.length === 0
        ? await content.info({ digest })
        : await content.update({ info: { digest, labels }, updateMask: { paths } });
    print(`${showLabels(info?.labels ?? {})}\n`);
    return 0;
  },
});

export const ingest = defineCommand({
  usage: '[flags] <key>',
  flags: {
    'expected-size': int('validate against provided size'),
    'expected-digest': text('verify content against expected digest'),
  },
  run: async ({ containerd, flags, args: [ref] }) => {
    if (ref === undefined) throw new Error('must specify a transaction reference');
    const expected = flags['expected-digest'];
    if (expected !== '') checkDigest(expected);
    await writeBlob(containerd, process.stdin, { ref, size: flags['expected-size'] ?? 0, expected });
    return 0;
  },
});
