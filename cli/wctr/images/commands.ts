import { bool } from '../../../common/flags/flag.ts';
import { isAlreadyThere, isNotFound, textOf } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { logLine } from '../log-line.ts';
import { defineCommand } from '../command.ts';
import { snapshotterFlag, snapshotterOf } from '../global-flags.ts';
import { labelPaths, readLabels } from '../labels.ts';
import { binaryBytes } from '../sizes.ts';
import { printTable, showLabels } from '../table.ts';
import { checkImage } from './check.ts';
import { fromWire, hostPlatform, manifestsOf, partsFor, platformOf, showPlatform } from './documents.ts';
import type { Containerd } from '../../containerd/client.ts';
import {
  Images,
  type Image,
} from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';

export const list = defineCommand({
  usage: '[flags] [<filter>, ...]',
  flags: { quiet: bool('print only the image refs', { short: 'q' }) },
  run: async ({ containerd, flags, args }) => {
    const { images } = await containerd.service(Images).list({ filters: [...args] });
    if (flags.quiet) {
      print(images.map(({ name }) => `${name}\n`).join(''));
      return 0;
    }
    const rows = await Promise.all(images.map((image) => row(containerd, image)));
    printTable(['REF\tTYPE\tDIGEST\tSIZE\tPLATFORMS\tLABELS\t', ...rows]);
    return 0;
  },
});

async function row(containerd: Containerd, { name, target, labels }: Image): Promise<string> {
  const { mediaType, digest } = fromWire(target);
  const [size, platforms] = await Promise.all([
    sizeOf(containerd, fromWire(target)).catch((error: unknown) => complain('size', name, error)),
    platformsOf(containerd, fromWire(target)).catch((error: unknown) => complain('platforms', name, error)),
  ]);
  return `${[name, mediaType, digest, size, platforms || '-', showLabels(labels) || '-'].join('\t')}\t`;
}

function complain(what: string, name: string, error: unknown): string {
  logLine('error', `failed calculating ${what} for image ${name}`, error);
  return '-';
}

async function sizeOf(containerd: Containerd, target: ReturnType<typeof fromWire>): Promise<string> {
  const { manifest, config, layers } = await partsFor(containerd, target, hostPlatform());
  const index = manifest.digest === target.digest ? 0 : target.size;
  return binaryBytes([manifest, config, ...layers].reduce((sum, { size }) => sum + size, index));
}

async function platformsOf(containerd: Containerd, target: ReturnType<typeof fromWire>): Promise<string> {
  const manifests = await manifestsOf(containerd, target);
  const platforms = await Promise.all(manifests.map((manifest) => platformOf(containerd, manifest)));
  return [...new Set(platforms.filter((each) => each !== undefined).map((each) => showPlatform(each)))]
    .toSorted()
    .join(',');
}

export const check = defineCommand({
  usage: '[flags] [<filter>, ...]',
  flags: {
    ...snapshotterFlag,
    quiet: bool('print only the ready image refs (fully downloaded and unpacked)', { short: 'q' }),
  },
  run: async ({ containerd, flags, args }) => {
    const { images } = await containerd.service(Images).list({ filters: [...args] });
    const rows: string[] = [];
    for (const image of images) {
      const target = fromWire(image.target);
      const { status, size, unpacked, ready } = await checkImage(
        containerd,
        target,
        snapshotterOf(flags.snapshotter),
      );
      if (flags.quiet && ready) print(`${image.name}\n`);
      rows.push([image.name, target.mediaType, target.digest, status, size, unpacked].join('\t'));
    }
    if (!flags.quiet && images.length > 0)
      printTable(['REF\tTYPE\tDIGEST\tSTATUS\tSIZE\tUNPACKED\t', ...rows]);
    return 0;
  },
});

export const tag = defineCommand({
  usage: '[flags] <source_ref> <target_ref> [<target_ref>, ...]',
  flags: { force: bool('force target_ref to be created, regardless if it already exists') },
  run: async ({ containerd, flags, args: [source, ...targets] }) => {
    if (source === undefined) throw new Error('please provide an image reference to tag from');
    if (targets.length === 0) throw new Error('please provide an image reference to tag to');
    const images = containerd.service(Images);
    const { image } = await images.get({ name: source });
    for (const name of targets) {
      const made = {
        name,
        labels: image?.labels ?? {},
        ...(image?.target === undefined ? {} : { target: image.target }),
      };
      try {
        await images.create({ image: made });
      } catch (error) {
        if (!flags.force || !isAlreadyThere(error)) throw error;
        await images.delete({ name });
        await images.create({ image: made });
      }
      print(`${name}\n`);
    }
    return 0;
  },
});

export const remove = defineCommand({
  usage: '[flags] <ref> [<ref>, ...]',
  flags: { sync: bool('Synchronously remove image and all associated resources') },
  run: async ({ containerd, flags, args }) => {
    let failure: Error | undefined;
    for (const [index, name] of args.entries()) {
      try {
        await containerd.service(Images).delete({ name, sync: flags.sync && index === args.length - 1 });
        print(`${name}\n`);
      } catch (error) {
        if (isNotFound(error)) {
          logLine('warning', `${name}: image not found`);
          continue;
        }
        failure ??= new Error(`unable to delete ${name}: ${textOf(error)}`, { cause: error });
        logLine('error', `unable to delete ${name}`, error);
      }
    }
    if (failure !== undefined) throw failure;
    return 0;
  },
});

export const label = defineCommand({
  usage: '[flags] <name> [<key>=<value>, ...]',
  flags: { 'replace-all': bool('replace all labels', { short: 'r' }) },
  run: async ({ containerd, flags, args: [name, ...words] }) => {
    if (name === undefined) throw new Error('please specify an image');
    const labels = readLabels(words);
    const paths = flags['replace-all'] ? ['labels'] : labelPaths(labels);
    const { image } = await containerd
      .service(Images)
      .update({ image: { name, labels }, updateMask: { paths } });
    print(`${showLabels(image?.labels ?? {})}\n`);
    return 0;
  },
});
