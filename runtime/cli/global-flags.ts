import { bool, text, value } from '../../common/flags/flag.ts';
import type { CgroupDriver } from '../container/contract.ts';

const DRIVERS: readonly CgroupDriver[] = ['cgroupfs', 'systemd', 'disabled'];

export const DEFAULT_ROOT = '/run/wherry-runtime';

/** runc's, and crun's `--cgroup-manager`. */
export const globalFlags = {
  root: text('Directory of the containers’ state (should be on tmpfs)', {
    initial: DEFAULT_ROOT,
    shown: DEFAULT_ROOT,
  }),
  log: text('File that log entries are written to', { shown: 'stderr' }),
  'log-format': text('Format of the log: text or json', { initial: 'text' }),
  debug: bool('Log more'),
  'systemd-cgroup': bool('Let systemd make the cgroups: cgroupsPath is slice:prefix:name'),
  'cgroup-manager': value<CgroupDriver>({
    type: 'string',
    help: 'Who makes the cgroups: cgroupfs, systemd or disabled',
    initial: 'cgroupfs',
    read: (given) => {
      const found = DRIVERS.find((driver) => driver === given);
      if (found === undefined) throw new Error(`unknown cgroup manager ${JSON.stringify(given)}`);
      return found;
    },
  }),
  rootless: value({
    type: 'string',
    help: 'Ignore cgroup permission errors: true, false or auto',
    initial: 'auto',
    read: (given) => {
      if (['true', 'false', 'auto'].includes(given)) return given;
      throw new Error('must be true, false or auto');
    },
  }),
  criu: text('', { hidden: true }),
  version: bool('Print the version', { short: 'v' }),
};
