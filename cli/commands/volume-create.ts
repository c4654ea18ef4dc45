import { list, refused, text } from '../../common/flags/flag.ts';
import { invalidArgument } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { readLabels, splitPair } from '../container/environment.ts';
import { print } from '../output.ts';

/** Of volumes of a swarm, which there is none of. */
const clusterFlags = {
  availability: refused('string'),
  group: refused('string'),
  'limit-bytes': refused('bytes'),
  'required-bytes': refused('bytes'),
  scope: refused('string'),
  secret: refused('map'),
  sharing: refused('string'),
  'topology-preferred': refused('list'),
  'topology-required': refused('list'),
  type: refused('string'),
};

export const volumeCreate = defineCommand({
  usage: '[OPTIONS] [VOLUME]',
  flags: {
    ...clusterFlags,
    driver: text('Specify volume driver name', { short: 'd', initial: 'local', shown: '"local"' }),
    label: list('Set metadata for a volume'),
    name: text('Specify volume name', { hidden: true }),
    opt: list('Set driver specific options', { short: 'o', type: 'map', shown: 'map[]' }),
  },
  arity: [0, 1],
  run: async ({ daemon, flags, args, changed }) => {
    if (args.length > 0 && changed.has('name')) {
      throw invalidArgument(
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      );
    }
    const answer = await daemon.send({
      method: 'POST',
      path: '/volumes/create',
      json: {
        Name: args[0] ?? flags.name,
        Driver: flags.driver,
        DriverOpts: Object.fromEntries(flags.opt.map((each) => splitPair(each))),
        Labels: readLabels([], flags.label),
      },
    });
    const { Name } = JSON.parse(await answer.text()) as { Name: string };
    print(`${Name}\n`);
    return 0;
  },
});
