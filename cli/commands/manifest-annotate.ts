import { invalidArgument, notFound } from '../../common/errors.ts';
import { list, text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { splitCsv } from '../container/mounts.ts';
import { platformOf } from '../manifest/document.ts';
import { readListed, writeListed } from '../manifest/lists.ts';
import { manifestNameFor } from '../manifest/name.ts';

/** What docker's client takes: of the pairs that Go compiles for, those that images are made for. */
const ARCHITECTURES: ReadonlyMap<string, readonly string[]> = new Map([
  ['darwin', ['386', 'amd64', 'arm', 'arm64']],
  ['dragonfly', ['amd64']],
  ['freebsd', ['386', 'amd64', 'arm']],
  ['linux', ['386', 'amd64', 'arm', 'arm64', 'mips64', 'mips64le', 'ppc64le', 'riscv64', 's390x']],
  ['netbsd', ['386', 'amd64', 'arm']],
  ['openbsd', ['386', 'amd64', 'arm']],
  ['plan9', ['386', 'amd64']],
  ['solaris', ['amd64']],
  ['windows', ['386', 'amd64']],
]);

export const manifestAnnotate = defineCommand({
  usage: '[OPTIONS] MANIFEST_LIST MANIFEST',
  flags: {
    arch: text('Architecture of the processor'),
    os: text('Operating system'),
    'os-features': list('Features that the operating system must have', { type: 'strings' }),
    'os-version': text('Version of the operating system'),
    variant: text('Variant of the architecture'),
  },
  arity: [2, 2],
  run: async ({ flags, args: [given = '', image = ''] }) => {
    const target = manifestNameFor('annotate: error parsing name for manifest list', given);
    const name = manifestNameFor('annotate: error parsing name for manifest', image);
    const listed = readListed(target.text, name.text);
    if (listed === undefined) throw notFound(`manifest for image ${image} does not exist in ${given}`);
    const { Descriptor } = listed;
    const before = platformOf({ ...Descriptor.platform });
    const features = flags['os-features'].flatMap((value) => (value === '' ? [] : splitCsv(value)));
    const platform = platformOf({
      architecture: flags.arch || before.architecture,
      os: flags.os || before.os,
      'os.version': flags['os-version'] || before['os.version'],
      'os.features': [...new Set([...(before['os.features'] ?? []), ...features])],
      variant: flags.variant || before.variant,
    });
    if (!(ARCHITECTURES.get(platform.os) ?? []).includes(platform.architecture)) {
      throw invalidArgument(
        `manifest entry for image has unsupported os/arch combination: ${flags.os}/${flags.arch}`,
      );
    }
    writeListed(target.text, name.text, { ...listed, Descriptor: { ...Descriptor, platform } });
    return 0;
  },
});
