import { goArchitecture } from '../../../../image/manifest.ts';
import type { EngineInfo } from '../../../core/contract.ts';

interface Plugin {
  readonly type: string;
  readonly id: string;
  readonly requires?: string[];
  readonly platforms?: { os: string; architecture: string }[];
  readonly exports?: Record<string, string>;
}

/** What of containerd's parts clients look for: those that we have, under its names. None is a program of its own here. */
const SERVICES = [
  ...[
    'containers',
    'content',
    'diff',
    'events',
    'healthcheck',
    'images',
    'introspection',
    'leases',
    'namespaces',
  ],
  ...['snapshots', 'tasks', 'version'],
];

export function listPlugins({ architecture, execRoot, dataRoot }: EngineInfo): Plugin[] {
  const platforms = [{ os: 'linux', architecture: goArchitecture(architecture) }];
  const plugin = (type: string, id: string, more: Partial<Plugin> = {}): Plugin => ({
    ...{ type: `io.containerd.${type}`, id },
    ...more,
  });
  return [
    plugin('content.v1', 'content', { exports: { root: `${dataRoot}/content` } }),
    plugin('snapshotter.v1', 'overlayfs', { platforms, exports: { root: `${dataRoot}/snapshots` } }),
    plugin('metadata.v1', 'bolt', { requires: ['io.containerd.content.v1', 'io.containerd.snapshotter.v1'] }),
    plugin('differ.v1', 'walking', { platforms, requires: ['io.containerd.metadata.v1'] }),
    plugin('gc.v1', 'scheduler', { requires: ['io.containerd.metadata.v1'] }),
    plugin('runtime.v2', 'task', { platforms, exports: { root: execRoot } }),
    ...SERVICES.map((id) => plugin('grpc.v1', id)),
  ];
}
