import { invalidArgument } from '../../../common/errors.ts';

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `builtin`, `unconfined`, or a profile's JSON text; undefined: the daemon's. */
  readonly seccomp: string | undefined;
  /** `systempaths=unconfined`: no masked and no read-only paths. */
  readonly plainSystemPaths: boolean;
}

/**
 * Docker's --security-opt. AppArmor and SELinux are not there, so only what asks for none of them is taken. Throws
 * `invalid-argument` with docker's text.
 */
export function parseSecurityOptions(options: readonly string[], defaultNoNew: boolean): SecurityOptions {
  const result = {
    noNewPrivileges: defaultNoNew,
    seccomp: undefined as string | undefined,
    plainSystemPaths: false,
  };
  options.forEach((option, index) => {
    // `:` is the separator of old clients.
    const [, name = option, value] = /^([a-z-]+)[=:]([\s\S]*)$/.exec(option) ?? [];
    const malformed = (): Error => invalidArgument(`invalid --security-opt ${index + 1}: "${option}"`);
    switch (name) {
      case 'no-new-privileges':
        if (value !== undefined && !['true', 'false'].includes(value)) throw malformed();
        result.noNewPrivileges = value !== 'false';
        return;
      case 'seccomp':
        if (value === undefined || value === '') throw malformed();
        result.seccomp = value;
        return;
      case 'systempaths':
        if (value !== 'unconfined') throw malformed();
        result.plainSystemPaths = true;
        return;
      case 'apparmor':
      case 'label':
        if (value !== 'unconfined' && value !== 'disable') throw malformed();
        return;
      default:
        throw malformed();
    }
  });
  return result;
}
