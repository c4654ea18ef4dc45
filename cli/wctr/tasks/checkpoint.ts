import { create, toBinary } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { bool, text } from '../../../common/flags/flag.ts';
import { OCI_INDEX } from '../../../image/manifest.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { writeBlob } from '../content/write.ts';
import { leased } from '../leases/lease.ts';
import { getContainer, getTask } from './task.ts';
import { CheckpointOptionsSchema } from '../../../daemon/api/containerd/gen/containerd/runtime/runc/options_pb.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';

const OPTIONS_TYPE = 'containerd.runc.v1.CheckpointOptions';

export const checkpoint = defineCommand({
  usage: '[flags] CONTAINER',
  flags: {
    exit: bool('stop the container after the checkpoint'),
    'image-path': text('path to criu image files'),
    'work-path': text('path to criu work files and logs'),
  },
  run: async ({ containerd, flags, args: [id] }) => {
    const container = await getContainer(containerd, id);
    await getTask(containerd, container.id);
    const options = create(CheckpointOptionsSchema, {
      ...{ exit: flags.exit, imagePath: flags['image-path'], workPath: flags['work-path'] },
    });
    const request = {
      containerId: container.id,
      options: { typeUrl: OPTIONS_TYPE, value: toBinary(CheckpointOptionsSchema, options) },
    };
    if (flags['image-path'] !== '') {
      await containerd.service(Tasks).checkpoint(request);
      return 0;
    }
    const name = `containerd.io/checkpoint/${container.id}:${new Date().toISOString()}`;
    await leased(containerd, async (leasing) => {
      const { descriptors } = await leasing.service(Tasks).checkpoint(request);
      const manifests = descriptors.map(({ mediaType, digest, size }) => ({
        mediaType,
        digest,
        size: Number(size),
      }));
      const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
      const digest = `sha256:${createHash('sha256').update(index).digest('hex')}`;
      const labels = Object.fromEntries(
        manifests.map((each, at) => [`containerd.io/gc.ref.content.${at}`, each.digest]),
      );
      await writeBlob(leasing, [index], {
        ref: `checkpoint-${digest}`,
        size: index.length,
        expected: digest,
        labels,
      });
      const target = { mediaType: OCI_INDEX, digest, size: BigInt(index.length) };
      await leasing.service(Images).create({ image: { name, target } });
    });
    print(`${name}\n`);
    return 0;
  },
});
