import { bool, list as words, text } from '../../../common/flags/flag.ts';
import type { Containerd } from '../../containerd/client.ts';
import { textOf } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { snapshotterFlag, snapshotterOf } from '../global-flags.ts';
import { labelPaths, readLabels, rootLabel } from '../labels.ts';
import { goJson } from '../go-json.ts';
import { binaryBytes } from '../sizes.ts';
import { pairs } from '../spec/make-spec.ts';
import { byName, printTable, showLabels } from '../table.ts';
import { nanoseconds } from '../times.ts';
import { mountCommand, shownMounts } from './mounts.ts';
import {
  Kind,
  Snapshots,
  type Info,
} from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';

const KINDS: Readonly<Record<Kind, string>> = {
  [Kind.UNKNOWN]: 'Unknown',
  [Kind.VIEW]: 'View',
  [Kind.ACTIVE]: 'Active',
  [Kind.COMMITTED]: 'Committed',
};

async function all(containerd: Containerd, snapshotter: string): Promise<Info[]> {
  const infos: Info[] = [];
  for await (const { info } of containerd.service(Snapshots).list({ snapshotter })) infos.push(...info);
  return infos;
}

export const list = defineCommand({
  usage: '',
  flags: snapshotterFlag,
  run: async ({ containerd, flags }) => {
    const infos = await all(containerd, snapshotterOf(flags.snapshotter));
    printTable([
      'KEY\tPARENT\tKIND\t',
      ...infos.map(({ name, parent, kind }) => `${name}\t${parent}\t${KINDS[kind]}\t`),
    ]);
    return 0;
  },
});

export const tree = defineCommand({
  usage: '',
  flags: snapshotterFlag,
  run: async ({ containerd, flags }) => {
    const infos = await all(containerd, snapshotterOf(flags.snapshotter));
    const names = new Set(infos.map(({ name }) => name));
    const show = (name: string, depth: number): void => {
      print(depth === 0 ? ` ${name}\n` : `${'  '.repeat(depth)}\\_ ${name}\n`);
      for (const child of infos.filter(({ parent }) => parent === name)) show(child.name, depth + 1);
    };
    for (const { name, parent } of infos) if (!names.has(parent)) show(name, 0);
    return 0;
  },
});

export const info = defineCommand({
  usage: '<key>',
  flags: snapshotterFlag,
  run: async ({ containerd, flags, args, help }) => {
    if (args.length !== 1) return showHelp(help);
    const snapshotter = snapshotterOf(flags.snapshotter);
    const { info: found } = await containerd.service(Snapshots).stat({ snapshotter, key: args[0] ?? '' });
    const labels =
      Object.keys(found?.labels ?? {}).length === 0
        ? {}
        : { Labels: Object.fromEntries(byName(found?.labels ?? {})) };
    print(
      goJson({
        Kind: KINDS[found?.kind ?? Kind.UNKNOWN],
        Name: found?.name,
        ...(found?.parent ? { Parent: found.parent } : {}),
        ...labels,
        Created: nanoseconds(found?.createdAt),
        Updated: nanoseconds(found?.updatedAt),
      }),
    );
    return 0;
  },
});

export const usage = defineCommand({
  usage: '[flags] [<key>, ...]',
  flags: { ...snapshotterFlag, bytes: bool('display size in bytes', { short: 'b' }) },
  run: async ({ containerd, flags, args }) => {
    const snapshotter = snapshotterOf(flags.snapshotter);
    const keys = args.length > 0 ? args : (await all(containerd, snapshotter)).map(({ name }) => name);
    const rows = ['KEY\tSIZE\tINODES\t'];
    for (const key of keys) {
      const { size, inodes } = await containerd.service(Snapshots).usage({ snapshotter, key });
      rows.push(`${key}\t${flags.bytes ? size : binaryBytes(Number(size))}\t${inodes}\t`);
    }
    printTable(rows);
    return 0;
  },
});

export const mounts = defineCommand({
  usage: '<target> <key>',
  flags: snapshotterFlag,
  run: async ({ containerd, flags, args, help }) => {
    const [target = '', key = ''] = args;
    if (args.length !== 2) return showHelp(help);
    const snapshotter = snapshotterOf(flags.snapshotter);
    const { mounts: found } = await containerd.service(Snapshots).mounts({ snapshotter, key });
    print(found.map((mount) => mountCommand(mount, target)).join(''));
    return 0;
  },
});

const making = {
  ...snapshotterFlag,
  target: text('mount target path, will print mount, if provided', { short: 't' }),
  mounts: bool('Print out snapshot mounts as JSON'),
};

/** `prepare` makes one that can be written, `view` one that can't. */
const makeCommand = (how: 'prepare' | 'view') =>
  defineCommand({
    usage: '[flags] <key> [<parent>]',
    flags: making,
    run: async ({ containerd, flags, args, help }) => {
      const [key = '', parent = ''] = args;
      if (args.length < 1 || args.length > 2) return showHelp(help);
      const snapshotter = snapshotterOf(flags.snapshotter);
      const request = { snapshotter, key, parent, labels: rootLabel() };
      const { mounts: made } = await containerd.service(Snapshots)[how](request);
      if (flags.target !== '') print(made.map((mount) => mountCommand(mount, flags.target)).join(''));
      if (flags.mounts) print(goJson(shownMounts(made)));
      return 0;
    },
  });
export const prepare = makeCommand('prepare');
export const view = makeCommand('view');

export const commit = defineCommand({
  usage: '<key> <active>',
  flags: snapshotterFlag,
  run: async ({ containerd, flags, args, help }) => {
    const [name = '', key = ''] = args;
    if (args.length !== 2) return showHelp(help);
    const snapshotter = snapshotterOf(flags.snapshotter);
    await containerd.service(Snapshots).commit({ snapshotter, name, key, labels: rootLabel() });
    return 0;
  },
});

export const remove = defineCommand({
  usage: '<key> [<key>, ...]',
  flags: snapshotterFlag,
  run: async ({ containerd, flags, args }) => {
    const snapshotter = snapshotterOf(flags.snapshotter);
    for (const key of args) {
      try {
        await containerd.service(Snapshots).remove({ snapshotter, key });
      } catch (error) {
        throw new Error(`failed to remove "${key}": ${textOf(error)}`, { cause: error });
      }
    }
    return 0;
  },
});

export const label = defineCommand({
  usage: '<name> [<label>=<value> ...]',
  flags: snapshotterFlag,
  run: async ({ containerd, flags, args: [name = '', ...words] }) => {
    const labels = readLabels(words);
    const { info: changed } = await containerd.service(Snapshots).update({
      snapshotter: snapshotterOf(flags.snapshotter),
      info: { name, labels },
      updateMask: { paths: labelPaths(labels) },
    });
    print(`${showLabels(changed?.labels ?? {})}\n`);
    return 0;
  },
});

export const diff = defineCommand({
  usage: '[flags] <idA> [<idB>]',
  flags: {
    ...snapshotterFlag,
    'media-type': text('media type to use for creating diff', {
      initial: 'application/vnd.oci.image.layer.v1.tar+gzip',
      shown: '"application/vnd.oci.image.layer.v1.tar+gzip"',
    }),
    ref: text('content upload reference to use'),
    keep: bool('keep diff content. up to creator to delete it.'),
    label: words('labels to attach to the image'),
  },
  run: async ({ containerd, flags, args, help }) => {
    const [first, second = ''] = args;
    if (first === undefined) return showHelp(help);
    const { printDiff } = await import('./diff.ts');
    const { ref, keep } = flags;
    await printDiff(
      containerd,
      { first, second },
      {
        ...{ ref, keep, mediaType: flags['media-type'], labels: pairs(flags.label) },
        snapshotter: snapshotterOf(flags.snapshotter),
      },
    );
    return 0;
  },
});

export const unpack = defineCommand({
  usage: '[flags] <digest>',
  flags: snapshotterFlag,
  run: async ({ containerd, flags, args: [digest = ''] }) => {
    const { unpackManifest } = await import('../images/unpack.ts');
    const { leased } = await import('../leases/lease.ts');
    const { checkDigest } = await import('../content/read.ts');
    const { hasBlob } = await import('../images/check.ts');
    checkDigest(digest);
    if (!(await hasBlob(containerd, digest))) throw new Error('manifest not found');
    const snapshotter = snapshotterOf(flags.snapshotter);
    await leased(containerd, (leasing) => unpackManifest(leasing, digest, { snapshotter, tell: print }));
    return 0;
  },
});

function showHelp(help: string): number {
  print(help);
  return 0;
}
