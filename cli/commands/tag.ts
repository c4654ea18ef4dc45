import { defineCommand } from '../command.ts';

export const tag = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  flags: {},
  arity: [2, 2],
  run: async ({ daemon, args }) => {
    const [source = '', target = ''] = args;
    const colon = target.lastIndexOf(':');
    const hasTag = colon > target.lastIndexOf('/');
    await daemon.send({
      method: 'POST',
      path: `/images/${encodeURIComponent(source)}/tag`,
      query: {
        repo: hasTag ? target.slice(0, colon) : target,
        tag: hasTag ? target.slice(colon + 1) : 'latest',
      },
    });
    return 0;
  },
});
