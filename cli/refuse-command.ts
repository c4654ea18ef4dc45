import { invalidArgument, notImplemented, type WherryError } from '../common/errors.ts';

const SWARM = 'Wherry is no member of a swarm';
const PLUGINS = 'Wherry has no managed plugins';
const BUILDS = 'Wherry builds no images yet; build elsewhere and load, import or pull them';
const TRUST = 'Wherry knows no notary; signatures of images are not checked';

/** Docker's commands that Wherry does not have, each with the reason. */
export const REASONS: Readonly<Record<string, string>> = {
  ...{ build: BUILDS, builder: BUILDS, buildx: BUILDS, 'image build': BUILDS },
  ...{ config: SWARM, node: SWARM, secret: SWARM, service: SWARM, stack: SWARM, swarm: SWARM },
  ...{ plugin: PLUGINS, trust: TRUST },
  checkpoint: 'containers of the daemon have no checkpoints; wherry-runtime checkpoint has them',
  compose: "compose is a program of its own: docker-compose speaks to Wherry's socket",
  'volume update': SWARM,
};

/** The error for a command that is not there: docker's by name and with the reason, any other as unknown. */
export function refuseCommand(words: readonly string[]): WherryError {
  const [first = '', second = ''] = words;
  const name = [first, `${first} ${second}`].find((candidate) => Object.hasOwn(REASONS, candidate));
  if (name !== undefined) return notImplemented(`wherry: '${name}' is not supported: ${REASONS[name]}`);
  if (second === '') {
    return invalidArgument(
      `wherry: unknown command: wherry ${first}\n\nRun 'wherry --help' for more information`,
    );
  }
  return invalidArgument(
    `wherry: unknown command: wherry ${first} ${second}\n\nUsage:  wherry ${first}\n\nRun 'wherry ${first} --help' for more information`,
  );
}
