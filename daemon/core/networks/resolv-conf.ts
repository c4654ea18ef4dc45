import { isIP, isIPv4 } from 'node:net';

/** resolv.conf (man 5 resolv.conf), as docker passes it on to containers without an own resolver. Pure. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Lines that nobody here understands. */
  readonly rest: readonly string[];
}

/** Empty: the host's. */
export interface ResolvOverrides {
  readonly nameservers: readonly string[];
  /** `.` alone means no search list. */
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export const DEFAULT_NAMESERVERS = ['8.8.8.8', '8.8.4.4'];

export function parseResolvConf(text: string): ResolvConf {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^[#;]/.test(line));
  const words = lines.map((line) => line.trim().split(/\s+/));
  const valuesOf = (...names: string[]): string[][] =>
    words
      .filter(([name = '', ...values]) => names.includes(name) && values.length > 0)
      .map((line) => line.slice(1));
  const known = ['nameserver', 'domain', 'search', 'options'];
  return {
    nameservers: valuesOf('nameserver').flatMap(([address = '']) => (isIP(address) === 0 ? [] : [address])),
    search: valuesOf('domain', 'search').at(-1) ?? [],
    options: valuesOf('options').flat(),
    rest: lines.filter((_, index) => !known.includes(words[index]?.[0] ?? '')),
  };
}

/** Whether systemd-resolved's stub, which no container can reach, is all that there is. */
export const isSystemdStub = (conf: ResolvConf): boolean =>
  conf.nameservers.length === 1 && conf.nameservers[0] === '127.0.0.53';

export const withOverrides = (conf: ResolvConf, overrides: ResolvOverrides): ResolvConf => ({
  ...conf,
  nameservers: overrides.nameservers.length > 0 ? overrides.nameservers : conf.nameservers,
  search: overrides.search.length > 0 ? overrides.search.filter((domain) => domain !== '.') : conf.search,
  options: overrides.options.length > 0 ? overrides.options : conf.options,
});

/** Without the servers that a container on an IPv4 bridge can't reach: loopback and IPv6. Docker's two if none is left. */
export function reachableFromBridge(conf: ResolvConf): ResolvConf {
  const reachable = conf.nameservers.filter((address) => isIPv4(address) && !address.startsWith('127.'));
  return { ...conf, nameservers: reachable.length > 0 ? reachable : DEFAULT_NAMESERVERS };
}

export function formatResolvConf(conf: ResolvConf, comment: string): string {
  const lines = [
    `# ${comment}`,
    ...conf.nameservers.map((address) => `nameserver ${address}`),
    ...(conf.search.length > 0 ? [`search ${conf.search.join(' ')}`] : []),
    ...(conf.options.length > 0 ? [`options ${conf.options.join(' ')}`] : []),
    ...conf.rest,
  ];
  return `${lines.join('\n')}\n`;
}
