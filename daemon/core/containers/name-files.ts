import { readFile } from 'node:fs/promises';
import type { Ctx } from '../../../common/ctx.ts';
import { writeWhole } from '../../../common/write-file.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Endpoint, Sandbox } from '../networks/types.ts';
import { hostsLines } from '../networks/hosts.ts';
import { linkedHosts } from './links.ts';

/** Writes hosts, hostname and resolv.conf. One that joins another's network namespace has the other's. */
export async function writeNameFiles(
  core: Core,
  ctx: Ctx,
  { view, sandbox }: { readonly view: Container; readonly sandbox: Sandbox },
): Promise<void> {
  if (sandbox.kind === 'container') return;
  const files = await filesOf(core, ctx, { view, sandbox });
  await Promise.all([
    writeWhole(view.hostsPath, files.hosts),
    writeWhole(view.hostnamePath, files.hostname),
    writeWhole(view.resolvConfPath, files.resolvConf),
  ]);
}

function filesOf(
  core: Core,
  ctx: Ctx,
  { view, sandbox }: { readonly view: Container; readonly sandbox: Sandbox },
) {
  const { hostname, domainname, host } = view.config;
  const { extraHosts, dns, dnsSearch, dnsOptions } = host;
  const links = linkedHosts(core, view);
  const request = { sandbox, links, hostname, domainname, extraHosts, dns, dnsSearch, dnsOptions };
  return core.networks.files(ctx, request);
}

/** After a running container joined or left a network: what it wrote into the files itself stays. */
export async function changeNameFiles(
  core: Core,
  ctx: Ctx,
  { view, joined, left }: { readonly view: Container; readonly joined?: Endpoint; readonly left?: Endpoint },
): Promise<void> {
  const { sandbox, config } = view;
  if (sandbox === undefined) return;
  const text = await readFile(view.hostsPath, 'utf8');
  const gone = addressesOf(left);
  const kept = text.split('\n').filter((line) => line !== '' && !gone.includes(line.split(/\s/)[0] ?? ''));
  await writeWhole(view.hostsPath, [...kept, ...hostsLines(config, addressesOf(joined)), ''].join('\n'));
  const bringsDns = joined?.dns !== undefined || left?.dns !== undefined;
  if (bringsDns || core.networks.hasResolver(sandbox) !== hadResolver(core, sandbox, { joined, left })) {
    await writeWhole(view.resolvConfPath, (await filesOf(core, ctx, { view, sandbox })).resolvConf);
  }
}

const addressesOf = (endpoint: Endpoint | undefined): string[] =>
  endpoint === undefined
    ? []
    : [endpoint.ipAddress, endpoint.ipv6Address].filter((address) => address !== '');

function hadResolver(
  core: Core,
  sandbox: Sandbox,
  { joined, left }: { readonly joined: Endpoint | undefined; readonly left: Endpoint | undefined },
): boolean {
  if (sandbox.kind !== 'own') return false;
  const before = [...sandbox.endpoints.filter(({ endpointId }) => endpointId !== joined?.endpointId)];
  return core.networks.hasResolver({
    ...sandbox,
    endpoints: left === undefined ? before : [...before, left],
  });
}
