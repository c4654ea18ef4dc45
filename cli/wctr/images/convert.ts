import { bool, list } from '../../../common/flags/flag.ts';
import type { Descriptor } from '../../../image/registry/contract.ts';
import type { Containerd } from '../../containerd/client.ts';
import { isNotFound } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { leased } from '../leases/lease.ts';
import { convertTree, type Conversion } from './convert-tree.ts';
import { fromWire, hostPlatform, readPlatform, toWire } from './documents.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';

export const convert = defineCommand({
  usage: '[flags] <source_ref> <target_ref>',
  flags: {
    uncompress: bool('convert tar.gz layers to uncompressed tar layers'),
    oci: bool('convert Docker media types to OCI media types'),
    platform: list('convert what is for a specific platform'),
    'all-platforms': bool('convert what is there for any platform'),
  },
  run: async ({ containerd, flags, args: [source = '', target = ''] }) => {
    if (source === '' || target === '') throw new Error('src and target image need to be specified');
    const platforms = flags.platform.length === 0 ? [hostPlatform()] : flags.platform.map(readPlatform);
    const conversion: Conversion = {
      ...{ uncompress: flags.uncompress, oci: flags.oci },
      platforms: flags['all-platforms'] ? undefined : platforms,
    };
    await leased(containerd, async (leasing) => {
      const { image } = await leasing.service(Images).get({ name: source });
      const made = await convertTree(leasing, fromWire(image?.target), conversion);
      await record(leasing, { name: target, target: made, labels: image?.labels ?? {} });
      print(`${made.digest}\n`);
    });
    return 0;
  },
});

async function record(
  containerd: Containerd,
  image: { readonly name: string; readonly target: Descriptor; readonly labels: Record<string, string> },
): Promise<void> {
  const images = containerd.service(Images);
  const wire = { ...image, target: toWire(image.target) };
  try {
    await images.update({ image: wire });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await images.create({ image: wire });
  }
}
