import { invalidArgument } from '../../../common/errors.ts';

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `builtin`, `unconfined`, or a profile's JSON text; undefined: the daemon's. */
  readonly seccomp: string | undefined;
  /** Name of a loaded profile, or `unconfined`. */
  readonly appArmor: string | undefined;
  /** SELinux's, as given. */
  readonly labels: readonly string[];
  /** Of /sys/fs/cgroup; undefined: only for a privileged container. */
  readonly writableCgroups: boolean | undefined;
}

/**
 * Docker's --security-opt, as far as the daemon sees it: `systempaths` and files of profiles are the client's. Throws
 * `invalid-argument` with docker's text.
 */
export function parseSecurityOptions(options: readonly string[], defaultNoNew: boolean): SecurityOptions {
  let result: SecurityOptions = {
    noNewPrivileges: defaultNoNew,
    seccomp: undefined,
    appArmor: undefined,
    labels: [],
    writableCgroups: undefined,
  };
  for (const option of options) result = { ...result, ...readOption(option, result.labels) };
  return result;
}

function readOption(option: string, labels: readonly string[]): Partial<SecurityOptions> {
  switch (option) {
    case 'no-new-privileges':
      return { noNewPrivileges: true };
    case 'writable-cgroups':
      return { writableCgroups: true };
    case 'disable':
      return { labels: [...labels, option] };
  }
  // `:` is the separator of old clients.
  const at = option.indexOf(option.includes('=') ? '=' : ':');
  if (at < 0) throw invalidArgument(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  const [name, value] = [option.slice(0, at), option.slice(at + 1)];
  switch (name) {
    case 'label':
      return { labels: [...labels, value] };
    case 'apparmor':
      return { appArmor: value === '' ? undefined : value };
    case 'seccomp':
      return { seccomp: value === '' ? undefined : value };
    case 'no-new-privileges':
      return { noNewPrivileges: readSwitch(option, value) };
    case 'writable-cgroups':
      return { writableCgroups: readSwitch(option, value) };
    default:
      throw malformed(option);
  }
}

const malformed = (option: string): Error =>
  invalidArgument(`invalid --security-opt 2: ${JSON.stringify(option)}`);

/** Go's strconv.ParseBool. */
function readSwitch(option: string, value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw malformed(option);
}
