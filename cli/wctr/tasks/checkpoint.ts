import { bool, text } from '../../../common/flags/flag.ts';
import { print } from '../../output.ts';
import {
  dumpTask,
  imageOf,
  nameCheckpoint,
  packOptions,
  whilePaused,
  writtenLayer,
} from '../checkpoints/make.ts';
import { defineCommand } from '../command.ts';
import { leased } from '../leases/lease.ts';
import { getContainer, getTask } from './task.ts';

export const checkpoint = defineCommand({
  usage: '[flags] CONTAINER',
  flags: {
    exit: bool('stop the container after the checkpoint'),
    'image-path': text('path to criu image files'),
    'work-path': text('path to criu work files and logs'),
  },
  run: async ({ containerd, flags, args: [id] }) => {
    const { exit, 'image-path': imagePath, 'work-path': workPath } = flags;
    const container = await getContainer(containerd, id);
    const task = await getTask(containerd, container.id);
    const options = packOptions({ exit, imagePath, workPath });
    const name = `containerd.io/checkpoint/${container.id}:${stamp(new Date())}`;
    await leased(containerd, async (leasing) => {
      const act = async (): Promise<void> => {
        const dumped = await dumpTask(leasing, container.id, options);
        if (imagePath !== '') return;
        const { image, snapshotKey } = container;
        const manifests = [
          ...dumped,
          ...(image === '' ? [] : [await imageOf(leasing, container)]),
          ...(snapshotKey === '' ? [] : [await writtenLayer(leasing, container)]),
        ];
        await nameCheckpoint(leasing, {
          ...{ name, manifests, ref: container.id, labels: { 'containerd.io/checkpoint': 'true' } },
          annotations: image === '' ? {} : { 'image.name': image },
        });
      };
      await whilePaused(leasing, task, { mayEnd: exit, act });
    });
    if (imagePath === '') print(`${name}\n`);
    return 0;
  },
});

/** Of the time here: `01-31-2026-23:59:59`. */
function stamp(date: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${two(date.getMonth() + 1)}-${two(date.getDate())}-${date.getFullYear()}-${time}`;
}
