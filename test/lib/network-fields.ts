import { ENDPOINT, type EndpointCase } from './endpoint-fields.ts';

const subnet = (Subnet: string, more: object = {}): object => ({ IPAM: { Config: [{ Subnet, ...more }] } });

/**
 * Docker's body of `POST /networks/create` (API 1.51), a case a field: what a container in the network sees, what inspect shows, or
 * why it is refused. There is a network `taken`.
 */
export const NETWORK_FIELDS: Readonly<Record<string, EndpointCase>> = {
  Name: { ask: { Name: 'named' }, shows: /"Name":"named"/ },
  // Always done: the word is from when it was a choice.
  CheckDuplicate: {
    ask: { Name: 'taken', CheckDuplicate: false },
    refused: /^network with name taken already exists$/,
  },
  Driver: { ask: { Driver: 'x' }, refused: /could not find plugin x / },
  Scope: { ask: { Scope: 'x' }, refused: /^invalid network scope: x$/ },
  EnableIPv4: {
    ask: { EnableIPv4: false, EnableIPv6: true },
    script: 'ip addr show eth0 | grep -c "inet "',
    says: /^0$/,
  },
  EnableIPv6: {
    ask: { EnableIPv6: true },
    script: 'ip -6 addr show eth0 scope global',
    says: /inet6 fd/,
  },
  'IPAM.Driver': { ask: { IPAM: { Driver: 'x' } }, refused: /ipam driver: could not find plugin x / },
  'IPAM.Options': { ask: { IPAM: { Options: { a: 'b' } } }, refused: /IPAM.Options "a=b"/ },
  'IPAM.Config.Subnet': { ask: subnet('10.91.0.0/24'), script: 'ip addr', says: /10\.91\.0\.\d+\/24/ },
  'IPAM.Config.IPRange': {
    ask: subnet('10.91.1.0/24', { IPRange: '10.91.1.128/28' }),
    script: 'ip addr',
    says: /10\.91\.1\.1(2[89]|3\d|4[0-3])\/24/,
  },
  'IPAM.Config.Gateway': {
    ask: subnet('10.91.2.0/24', { Gateway: '10.91.2.77' }),
    script: 'ip route',
    says: /^default via 10\.91\.2\.77 /m,
  },
  'IPAM.Config.AuxiliaryAddresses': {
    ask: subnet('10.91.3.0/29', { AuxiliaryAddresses: { a: '10.91.3.2' } }),
    script: 'ip addr',
    says: /10\.91\.3\.3\/29/,
  },
  Internal: { ask: { Internal: true }, script: 'ip route | grep -c default', says: /^0$/ },
  Attachable: { ask: { Attachable: true }, shows: /"Attachable":true/ },
  Ingress: { ask: { Ingress: true }, refused: /not a swarm manager/ },
  ConfigOnly: { ask: { ConfigOnly: true }, shows: /"ConfigOnly":true/ },
  'ConfigFrom.Network': {
    ask: { ConfigFrom: { Network: 'x' } },
    refused: /^configuration network "x" does not exist$/,
  },
  Options: {
    ask: { Options: { 'com.docker.network.driver.mtu': '1234' } },
    script: 'cat /sys/class/net/eth0/mtu',
    says: /^1234$/,
  },
  Labels: { ask: { Labels: { a: 'b' } }, shows: /"Labels":\{"a":"b"\}/ },
};

/** Of `POST /networks/x/connect`, for a container that runs in another network. */
export const CONNECT_FIELDS: Readonly<Record<string, EndpointCase>> = {
  Container: { ask: { Container: 'x' }, refused: /^No such container: x$/ },
  ...Object.fromEntries(
    Object.entries({
      ...ENDPOINT,
      GwPriority: { ask: { GwPriority: 9 }, script: 'ip route', says: /^default via 10\.77\.0\.1 /m },
    }).map(([field, asked]) => [`EndpointConfig.${field}`, { ...asked, ask: { EndpointConfig: asked.ask } }]),
  ),
};

/** Of `POST /volumes/create`: what a container sees at /v, what inspect shows, or why it is refused. */
export const VOLUME_FIELDS: Readonly<Record<string, EndpointCase>> = {
  Name: { ask: { Name: 'named' }, shows: /"Name":"named"/ },
  Driver: { ask: { Driver: 'x' }, refused: /plugin "x" not found/ },
  DriverOpts: {
    ask: { DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } },
    script: 'grep " /v " /proc/mounts',
    says: /^tmpfs .*size=1024k/,
  },
  Labels: { ask: { Name: 'labelled', Labels: { a: 'b' } }, shows: /"Labels":\{"a":"b"\}/ },
  ClusterVolumeSpec: { ask: { ClusterVolumeSpec: { Group: 'x' } }, refused: /not a swarm manager/ },
};
