import { defineCommand } from '../command.ts';
import { forEach } from './each.ts';

const pinning = (pinned: boolean) =>
  defineCommand({
    usage: 'IMAGE [IMAGE...]',
    flags: {},
    arity: [1],
    run: ({ daemon, args }) =>
      forEach(args, (image) =>
        daemon.send({
          method: 'POST',
          path: `/wherry/images/${encodeURIComponent(image)}/pin`,
          query: { pinned: pinned ? 1 : 0 },
        }),
      ),
  });

export const pin = pinning(true);
export const unpin = pinning(false);
