import { invalidArgument } from '../../../../common/errors.ts';

/** The options of `network create -d cni`, and those of one endpoint (`--driver-opt`). Pure. */
export const CNI_NETWORK_OPTIONS = [
  'conflist',
  'name',
  'timeout',
  'args',
  'ingress-rate',
  'ingress-burst',
  'egress-rate',
  'egress-burst',
] as const;
export const CNI_ENDPOINT_OPTIONS: readonly string[] = CNI_NETWORK_OPTIONS.slice(3);

type Options = Readonly<Record<string, string>>;

/** Throws `invalid-argument` that names the option and its value. */
export function parseCniOptions(options: Options) {
  const { conflist, name } = options;
  if (conflist !== undefined && name !== undefined)
    throw invalidArgument('the cni driver takes one of the options "conflist" and "name", not both');
  if (conflist === undefined && !name)
    throw invalidArgument(
      'the cni driver needs the option "conflist" (the path of a network list) or "name" (a network list of /etc/cni/net.d)',
    );
  if (conflist !== undefined && !conflist.startsWith('/'))
    throw invalidArgument(
      `the option "conflist" is "${conflist}": it must be an absolute path of the daemon's host`,
    );
  return {
    conflist,
    name: name ?? '',
    timeoutMs: timeoutOf(options['timeout']),
    ...parseEndpointOptions(options),
  };
}

/** Those of an endpoint go before its network's. */
export const parseEndpointOptions = (options: Options) => ({
  args: argsOf(options['args'] ?? ''),
  bandwidth: bandwidthOf(options),
});

function timeoutOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, number = '', unit = 's'] = /^(\d+)(ms|s|m)?$/.exec(value) ?? [];
  const timeoutMs = Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm'];
  if (number === '' || timeoutMs < 1 || timeoutMs > 3_600_000)
    throw invalidArgument(`the option "timeout" is "${value}": it must be a time such as 30s`);
  return timeoutMs;
}

/** CNI_ARGS, `NAME=value;...`: what the plugins that don't know a name do with it is said by IgnoreUnknown. */
function argsOf(value: string): readonly string[] {
  const all = value.split(';').filter((each) => each !== '');
  const wrong = all.find((each) => !/^[^=]+=/.test(each));
  if (wrong !== undefined)
    throw invalidArgument(`the option "args" has "${wrong}": it must be name=value;name=value`);
  return all;
}

const BANDWIDTH = [
  ['ingress-rate', 'ingressRate'],
  ['ingress-burst', 'ingressBurst'],
  ['egress-rate', 'egressRate'],
  ['egress-burst', 'egressBurst'],
] as const;

/** The capability `bandwidth`: bits a second, and bits. */
function bandwidthOf(options: Options): Readonly<Record<string, number>> {
  return Object.fromEntries(
    BANDWIDTH.flatMap(([option, name]) => {
      const value = options[option];
      return value === undefined ? [] : [[name, bitsOf(option, value)]];
    }),
  );
}

const UNITS = { '': 1, k: 1e3, m: 1e6, g: 1e9 } as const;

function bitsOf(option: string, value: string): number {
  const [, number = '', unit = ''] = /^(\d+)([kmg]?)$/i.exec(value) ?? [];
  const bits = Number(number) * UNITS[unit.toLowerCase() as keyof typeof UNITS];
  if (number === '' || !Number.isSafeInteger(bits))
    throw invalidArgument(`the option "${option}" is "${value}": it must be a number of bits, such as 10m`);
  return bits;
}
