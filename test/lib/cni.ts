import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory with network lists, plugins of a test's own, and what host-local keeps: nothing of it is the host's. */
export interface CniPlace extends AsyncDisposable {
  readonly directory: string;
  /** CNI_PATH of a daemon: the test's own plugins, then Debian's. */
  readonly pluginDirectories: readonly string[];
  /** Writes a network list; its path. */
  list(name: string, content: object): Promise<string>;
  /** A plugin that is a shell script; `newest`: of the versions that it knows. */
  plugin(type: string, script: string, newest?: '1.0.0' | '1.1.0'): Promise<void>;
  /** What a script has appended with `log`. */
  told(): Promise<string[]>;
  /** Addresses that host-local holds for a network. */
  held(network: string): Promise<string[]>;
  /** For `ipam`: out of this subnet, noted below the directory. */
  hostLocal(subnet: string, more?: object): object;
}

export const DEBIAN_PLUGINS = '/usr/lib/cni';

export async function makeCniPlace(): Promise<CniPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'wherry-cni-'));
  const [conf, bin, data, log] = ['conf', 'bin', 'data', 'log'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const each of [conf, bin, data]) await mkdir(each);
  return {
    directory,
    pluginDirectories: [bin, DEBIAN_PLUGINS],
    list: async (name, content) => {
      const path = join(conf, `${name}.conflist`);
      await writeFile(path, JSON.stringify({ cniVersion: '1.0.0', name, ...content }));
      return path;
    },
    plugin: async (type, script, newest = '1.0.0') => {
      const path = join(bin, type);
      await writeFile(path, `#!/bin/sh\nlog() { echo "$*" >> ${log}; }\n${versions(newest)}${script}\n`);
      await chmod(path, 0o755);
    },
    told: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
    held: async (network) =>
      (await readdir(join(data, network)).catch(() => [])).filter((name) => /^\d+\.|:/.test(name)).toSorted(),
    hostLocal: (subnet, more = {}) => ({
      type: 'host-local',
      dataDir: data,
      ranges: [[{ subnet }]],
      ...more,
    }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

const versions = (newest: '1.0.0' | '1.1.0'): string => `if [ "$CNI_COMMAND" = VERSION ]; then
  echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0", "${newest}"]}'
  exit
fi
`;
