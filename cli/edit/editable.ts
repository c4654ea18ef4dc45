import type { Daemon } from '../http/daemon.ts';
import { containerPath } from '../commands/each.ts';

/** What of a container can be edited, in the API's words: create's, and inspect's. */
export interface Editable {
  readonly Labels: Readonly<Record<string, string>>;
  readonly Env: readonly string[];
  readonly Healthcheck: Readonly<Record<string, unknown>>;
  /** Anonymous ones. */
  readonly Volumes: Readonly<Record<string, object>>;
  readonly HostConfig: EditableHost;
}

export interface EditableHost {
  readonly PortBindings: Readonly<Record<string, readonly Binding[] | null>>;
  readonly Binds: readonly string[];
  readonly Mounts: readonly { readonly Target?: string }[];
  readonly Tmpfs: Readonly<Record<string, string>>;
  readonly RestartPolicy: Readonly<Record<string, unknown>>;
  /** Limits. */
  readonly [field: string]: unknown;
}

export interface Binding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/** The fields that an edit replaces; what is missing stays. */
export type Edit = Partial<Omit<Editable, 'HostConfig'>> & { readonly HostConfig: Partial<EditableHost> };

const LIMITS = [
  ...['Memory', 'MemoryReservation', 'MemorySwap', 'NanoCpus', 'CpuShares', 'CpuPeriod', 'CpuQuota'],
  ...['CpusetCpus', 'CpusetMems', 'PidsLimit', 'BlkioWeight'],
];

/** Throws `not-found` for an unknown container. */
export async function readEditable(
  daemon: Daemon,
  name: string,
): Promise<Editable & { readonly Name: string }> {
  const answer = await daemon.send({ method: 'GET', path: containerPath(name, '/json') });
  const { Name, Config, HostConfig } = JSON.parse(await answer.text()) as {
    readonly Name: string;
    readonly Config: { readonly [K in keyof Omit<Editable, 'HostConfig'>]?: Editable[K] | null };
    readonly HostConfig: { readonly [K in keyof EditableHost]?: EditableHost[K] | null };
  };
  return {
    Name: Name.slice(1),
    Labels: Config.Labels ?? {},
    Env: Config.Env ?? [],
    Healthcheck: Config.Healthcheck ?? {},
    Volumes: Config.Volumes ?? {},
    HostConfig: {
      PortBindings: HostConfig.PortBindings ?? {},
      Binds: HostConfig.Binds ?? [],
      Mounts: HostConfig.Mounts ?? [],
      Tmpfs: HostConfig.Tmpfs ?? {},
      RestartPolicy: HostConfig.RestartPolicy ?? {},
      ...Object.fromEntries(
        LIMITS.map((name) => [name, HostConfig[name] ?? (name.startsWith('Cpuset') ? '' : 0)]),
      ),
    },
  };
}

/** What of `after` differs from `before`, a field at a time. */
export function difference(before: Editable, after: Edit): Edit {
  const differing = <T extends object>(old: T, next: Partial<T>): Partial<T> =>
    Object.fromEntries(
      Object.entries(next).filter(
        ([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name as keyof T]),
      ),
    ) as Partial<T>;
  const { HostConfig, ...config } = after;
  const { HostConfig: oldHost, ...oldConfig } = before;
  return { ...differing(oldConfig, config), HostConfig: differing(oldHost, HostConfig) };
}
