import { defineCommand } from '../command.ts';
import { print } from '../output.ts';
import { containerPath } from './each.ts';

const LETTERS = ['C', 'A', 'D'];

export const diff = defineCommand({
  usage: 'CONTAINER',
  flags: {},
  arity: [1, 1],
  run: async ({ daemon, args: [container = ''] }) => {
    const answer = await daemon.send({ method: 'GET', path: containerPath(container, '/changes') });
    const changes = (JSON.parse(await answer.text()) ?? []) as { Path: string; Kind: number }[];
    print(changes.map(({ Path, Kind }) => `${LETTERS[Kind] ?? '?'} ${Path}\n`).join(''));
    return 0;
  },
});
