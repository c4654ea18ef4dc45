import { create, toBinary } from '@bufbuild/protobuf';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { readAccountFiles, type AccountFiles } from '../../../runtime/rootfs-files.ts';
import type { Containerd } from '../../containerd/client.ts';
import { blobJson } from '../content/read.ts';
import { DEFAULT_SNAPSHOTTER } from '../global-flags.ts';
import { fromWire, hostPlatform, partsFor, readPlatform } from '../images/documents.ts';
import { unpack } from '../images/unpack.ts';
import { leased } from '../leases/lease.ts';
import { layersOf } from '../snapshots/layers.ts';
import type { IdMapping } from '../../../runtime/spec.ts';
import type { ContainerFlags } from '../spec/flags.ts';
import type { ImageConfig } from '../spec/image-config.ts';
import { makeSpec, pairs, readMappings } from '../spec/make-spec.ts';
import { remappedSnapshot } from './remap-root.ts';
import {
  Containers,
  type Container,
} from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { OptionsSchema } from '../../../daemon/api/containerd/gen/containerd/runtime/runc/options_pb.ts';

export const SPEC_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';
export const OPTIONS_TYPE = 'containerd.runc.v1.Options';

export interface Asked {
  readonly flags: ContainerFlags;
  readonly changed: ReadonlySet<string>;
  /** Image or root file system, id, command and its arguments. */
  readonly args: readonly string[];
}

interface Source {
  readonly config: ImageConfig | undefined;
  readonly accounts: AccountFiles;
  readonly fields: Pick<Container, 'image' | 'snapshotter' | 'snapshotKey'>;
}

const NO_ACCOUNTS: AccountFiles = { passwd: undefined, group: undefined };

/** Makes the snapshot and the container; nothing runs yet. A failure takes the snapshot away again. */
export async function createContainer(
  containerd: Containerd,
  { flags, changed, args }: Asked,
): Promise<Container> {
  const fromConfig = flags.config !== '';
  const [ref = '', id = ''] = fromConfig ? ['', args[0] ?? ''] : args;
  const snapshotter = flags.snapshotter || DEFAULT_SNAPSHOTTER;
  return leased(containerd, async (leasing) => {
    const source =
      fromConfig || flags.rootfs
        ? {
            config: undefined,
            accounts: NO_ACCOUNTS,
            fields: { image: '', snapshotter: '', snapshotKey: '' },
          }
        : await snapshotOf(leasing, { ref, id, snapshotter, flags });
    try {
      const spec = makeSpec(flags, changed, {
        ...{ namespace: containerd.namespace, id, args: args.slice(2), accounts: source.accounts },
        image: source.config,
        rootPath: flags.rootfs ? resolve(ref) : undefined,
      });
      const { container } = await leasing.service(Containers).create({
        container: {
          id,
          ...source.fields,
          labels: labelsOf(source, flags),
          runtime: { name: flags.runtime, options: runtimeOptions(flags) },
          spec: { typeUrl: SPEC_TYPE, value: Buffer.from(JSON.stringify(spec)) },
          extensions: {},
        },
      });
      if (flags.cidfile !== '') writeFileSync(flags.cidfile, id, { flag: 'wx' });
      if (container === undefined) throw new Error(`containerd made no container "${id}"`);
      return container;
    } catch (error) {
      if (source.fields.snapshotKey !== '') await leasing.service(Snapshots).remove({ snapshotter, key: id });
      throw error;
    }
  });
}

interface SnapshotRequest {
  readonly ref: string;
  readonly id: string;
  readonly snapshotter: string;
  readonly flags: ContainerFlags;
}

/** A snapshot of the image's layers that the container may write to; the image is unpacked if it is not yet. */
async function snapshotOf(
  containerd: Containerd,
  { ref, id, snapshotter, flags }: SnapshotRequest,
): Promise<Source> {
  const { image } = await containerd.service(Images).get({ name: ref });
  const platform = flags.platform === '' ? hostPlatform() : readPlatform(flags.platform);
  const parts = await partsFor(containerd, fromWire(image?.target), platform);
  const { config } = (await blobJson(containerd, parts.config.digest)) as { config?: ImageConfig };
  const chain = await unpack(containerd, parts, snapshotter);
  const mappings = readMappings(flags);
  const labels = { ...pairs(flags['snapshotter-label']), ...remapLabels(flags) };
  // Else the files' owners are nobody in the container's user namespace.
  const parent =
    mappings === undefined || flags['remap-labels']
      ? chain
      : await remappedSnapshot(
          containerd,
          { snapshotter, parent: chain },
          { uid: mappings.uid.hostID, gid: mappings.gid.hostID },
        );
  const { mounts } = await containerd.service(Snapshots).prepare({ snapshotter, key: id, parent, labels });
  return {
    config: config ?? {},
    accounts: await readAccountFiles(layersOf(mounts)),
    fields: { image: ref, snapshotter, snapshotKey: id },
  };
}

/** For a snapshotter that shifts owners itself. */
function remapLabels(flags: ContainerFlags): Record<string, string> {
  const mappings = flags['remap-labels'] ? readMappings(flags) : undefined;
  if (mappings === undefined) return {};
  const text = ({ containerID, hostID, size }: IdMapping): string => `${containerID}:${hostID}:${size}`;
  return {
    'containerd.io/snapshot/uidmapping': text(mappings.uid),
    'containerd.io/snapshot/gidmapping': text(mappings.gid),
  };
}

function labelsOf({ config }: Source, flags: ContainerFlags): Record<string, string> {
  const stop =
    config === undefined ? {} : { 'io.containerd.image.config.stop-signal': config.StopSignal || 'SIGTERM' };
  return { ...config?.Labels, ...pairs(flags.label), ...stop };
}

/** What the runtime is told for every task of the container. */
function runtimeOptions(flags: ContainerFlags) {
  const options = create(OptionsSchema, {
    binaryName: flags['runc-binary'],
    root: flags['runc-root'],
    systemdCgroup: flags['runc-systemd-cgroup'],
  });
  return { typeUrl: OPTIONS_TYPE, value: toBinary(OptionsSchema, options) };
}

/** Throws ctr's texts when the image or the id is missing. */
export function checkCreateArguments({ flags, args }: Pick<Asked, 'flags' | 'args'>): void {
  if (flags.config !== '') {
    if (args.length === 0) throw new Error('container id must be provided');
    if (args.length > 1) throw new Error('with spec config file, only container id should be provided');
    return;
  }
  if ((args[0] ?? '') === '') throw new Error(`${flags.rootfs ? 'rootfs' : 'image ref'} must be provided`);
  if ((args[1] ?? '') === '') throw new Error('container id must be provided');
}
