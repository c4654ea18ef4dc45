import { env } from 'node:process';
import { bool, text, value, type Flags } from '../../common/flags/flag.ts';
import { parseDuration } from '../../common/go-duration.ts';
import { DEFAULT_ADDRESS } from '../containerd/address.ts';

const NS_PER_MS = 1e6;

/** A duration in Go's form, in milliseconds. */
export const duration = (help: string, looks: { readonly short?: string; readonly shown?: string } = {}) =>
  value<number>({
    ...looks,
    type: 'duration',
    help,
    initial: 0,
    read: (given) => parseDuration(given) / NS_PER_MS,
  });

/** Before the command's name. */
export const globalFlags = {
  debug: bool('Print what an error came from'),
  address: text("Address of the daemon's containerd API", {
    short: 'a',
    initial: env['CONTAINERD_ADDRESS'] || DEFAULT_ADDRESS,
    shown: `"${DEFAULT_ADDRESS}", env CONTAINERD_ADDRESS`,
  }),
  timeout: duration('Total time that a command may take (0: no end)'),
  'connect-timeout': duration('Time that the connection may take (0: no end)'),
  namespace: text('Namespace to work in', {
    short: 'n',
    initial: env['CONTAINERD_NAMESPACE'] || 'default',
    shown: '"default", env CONTAINERD_NAMESPACE',
  }),
  version: bool('Print the version', { short: 'v' }),
} satisfies Flags;

/** Of all commands that unpack, mount or make snapshots. */
export const snapshotterFlag = {
  snapshotter: text('Snapshotter; empty for the default one', {
    initial: env['CONTAINERD_SNAPSHOTTER'] ?? '',
    shown: '"", env CONTAINERD_SNAPSHOTTER',
  }),
};

/** What containerd's clients take when nobody names one. */
export const DEFAULT_SNAPSHOTTER = 'overlayfs';
export const snapshotterOf = (given: string): string => given || DEFAULT_SNAPSHOTTER;

/** Of the profiles. */
export const socketFlag = {
  'debug-socket': text("socket path of the daemon's debug server", {
    short: 'd',
    initial: '/run/containerd/debug.sock',
    shown: '"/run/containerd/debug.sock"',
  }),
};
