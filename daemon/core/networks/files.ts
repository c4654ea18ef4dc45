import { access, readFile } from 'node:fs/promises';
import type { FilesRequest, NetworkFiles, NetworksConfig } from './contract.ts';
import type { EndpointDns, Sandbox } from './types.ts';
import { formatHosts, parseExtraHost, type ExtraHost } from './hosts.ts';
import { formatInternal, outsideOf, type Outside } from './outside.ts';
import {
  formatResolvConf,
  isSystemdStub,
  parseResolvConf,
  reachableFromBridge,
  withOverrides,
  type ResolvOverrides,
} from './resolv-conf.ts';

/** What the host's files say now. */
export interface HostFiles {
  readonly hosts: string;
  readonly resolvConf: string;
  /** systemd-resolved's own list, used when /etc/resolv.conf only names its stub. */
  readonly systemdResolvConf: string;
  readonly ipv6: boolean;
}

/** A missing file is an empty one. */
export async function readHostFiles(): Promise<HostFiles> {
  const [hosts, resolvConf, systemdResolvConf, ipv6] = await Promise.all([
    readIfPresent('/etc/hosts'),
    readIfPresent('/etc/resolv.conf'),
    readIfPresent('/run/systemd/resolve/resolv.conf'),
    exists('/proc/net/if_inet6'),
  ]);
  return { hosts, resolvConf, systemdResolvConf, ipv6 };
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Pure. Throws `invalid-argument` for an extra host that can't be read. */
export function networkFiles(
  request: FilesRequest,
  host: HostFiles,
  config: NetworksConfig & {
    /** Of the default bridge. */
    readonly gateway: string | undefined;
    /** The sandbox has a DNS server of its own. */
    readonly hasResolver: boolean;
  },
): NetworkFiles {
  const hostGateway = config.hostGatewayIp ?? config.gateway;
  const extraHosts = request.extraHosts.map((text) => parseExtraHost(text, hostGateway));
  return {
    hosts: hostsOf(request, host, extraHosts),
    hostname: `${request.hostname}\n`,
    resolvConf: config.hasResolver
      ? internalConfOf(request, host, config)
      : resolvConfOf(request, host, overridesOf(request, config)),
  };
}

/** What a client chose for a container goes before the daemon's configuration. */
export type DnsSettings = Pick<FilesRequest, 'dns' | 'dnsSearch' | 'dnsOptions'>;

const overridesOf = (request: DnsSettings, config: DnsSettings): ResolvOverrides => ({
  nameservers: request.dns.length > 0 ? request.dns : config.dns,
  search: request.dnsSearch.length > 0 ? request.dnsSearch : config.dnsSearch,
  options: request.dnsOptions.length > 0 ? request.dnsOptions : config.dnsOptions,
});

/** What the plugins of CNI networks bring goes before it, too. */
function networkDns<T extends DnsSettings>({ endpoints }: Sandbox, config: T): DnsSettings {
  const all = (name: keyof EndpointDns): string[] => [
    ...new Set(endpoints.flatMap(({ dns }) => dns?.[name] ?? [])),
  ];
  const or = (own: readonly string[], others: readonly string[]): readonly string[] =>
    own.length > 0 ? own : others;
  return {
    dns: or(all('nameservers'), config.dns),
    dnsSearch: or(all('search'), config.dnsSearch),
    dnsOptions: or(all('options'), config.dnsOptions),
  };
}

function internalConfOf(request: FilesRequest, { resolvConf }: HostFiles, config: NetworksConfig): string {
  const host = parseResolvConf(resolvConf);
  const overrides = overridesOf(request, networkDns(request.sandbox, config));
  return formatInternal(host, overrides, outsideOf(host, overrides, hasIPv6(request.sandbox)).servers);
}

const hasIPv6 = ({ endpoints }: Sandbox): boolean => endpoints.some(({ ipv6Address }) => ipv6Address !== '');

/** Whom the DNS server of a container asks now. */
export async function findOutside(
  sandbox: Sandbox,
  chosen: DnsSettings,
  config: NetworksConfig,
): Promise<Outside> {
  const host = parseResolvConf(await readIfPresent('/etc/resolv.conf'));
  return outsideOf(host, overridesOf(chosen, networkDns(sandbox, config)), hasIPv6(sandbox));
}

/** In host mode the host's own, unless hosts are added: then it is made anew, so that they can override. */
function hostsOf(request: FilesRequest, host: HostFiles, extraHosts: readonly ExtraHost[]): string {
  const { sandbox, hostname, domainname, links } = request;
  if (sandbox.kind === 'host' && extraHosts.length === 0) return host.hosts;
  const addresses = sandbox.endpoints
    .flatMap(({ ipAddress, ipv6Address }) => [ipAddress, ipv6Address])
    .filter((address) => address !== '');
  return formatHosts({ ipv6: host.ipv6, extraHosts, addresses, links, hostname, domainname });
}

function resolvConfOf(request: FilesRequest, host: HostFiles, overrides: ResolvOverrides): string {
  const overridden = Object.entries(overrides).flatMap(([name, values]) => (values.length > 0 ? [name] : []));
  const shared = request.sandbox.kind === 'host';
  if (shared && overridden.length === 0) return host.resolvConf;
  const own = parseResolvConf(host.resolvConf);
  const stub = !shared && isSystemdStub(own);
  const base = stub ? parseResolvConf(host.systemdResolvConf) : own;
  const source = stub ? '/run/systemd/resolve/resolv.conf' : '/etc/resolv.conf';
  const reachable = shared || overrides.nameservers.length > 0 ? base : reachableFromBridge(base);
  const comment = `Made by Wherry from the host's ${source}; overridden: ${overridden.join(', ') || 'nothing'}.`;
  return formatResolvConf(withOverrides(reachable, overrides), comment);
}
