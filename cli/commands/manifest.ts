import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { print } from '../output.ts';
import { registryHeaders } from '../registry/credentials.ts';
import { parseName } from '../registry/names.ts';

/** Asked through the daemon, which knows how its registries are reached. */
export const manifestInspect = defineCommand({
  usage: '[OPTIONS] MANIFEST',
  flags: {
    insecure: bool('Accepted for compatibility: the daemon knows its insecure registries'),
    verbose: bool('Print the descriptor too', { short: 'v' }),
  },
  arity: [1, 1],
  run: async ({ daemon, flags, args: [name = ''] }) => {
    const headers = await registryHeaders(parseName(name).repository);
    const path = (rest: string): string => `${rest}/${encodeURIComponent(name)}`;
    const answer = await daemon.send({ method: 'GET', path: path('/wherry/manifests'), headers });
    const manifest = JSON.parse(await answer.text()) as object;
    if (!flags.verbose) {
      print(`${JSON.stringify(manifest, undefined, 3)}\n`);
      return 0;
    }
    const about = await daemon.send({ method: 'GET', path: `${path('/distribution')}/json`, headers });
    const { Descriptor } = JSON.parse(await about.text()) as { Descriptor: object };
    print(`${JSON.stringify({ Ref: name, Descriptor, Manifest: manifest }, undefined, 3)}\n`);
    return 0;
  },
});
