import type { BridgeDevice } from './bridge.ts';
import type { Sysctl } from './endpoint-sysctls.ts';
import type { Firewall } from './firewall.ts';
import type { StaleConnections } from './stale-connections.ts';
import type { Step } from './port.ts';

/** What kernel-worker.ts is asked to do: data that crosses to another thread. */
export type KernelJob =
  | { readonly kind: 'bridge'; readonly device: BridgeDevice; readonly ipv6: boolean }
  | { readonly kind: 'delete-link'; readonly name: string }
  | { readonly kind: 'parent'; readonly name: string; readonly driver: 'macvlan' | 'ipvlan' }
  | { readonly kind: 'firewall'; readonly firewall: Firewall }
  /** The answer is its descriptor, which the whole process has. */
  | { readonly kind: 'make-netns' }
  /** The index of a device in another network namespace; 0 without one. */
  | { readonly kind: 'index-inside'; readonly netns: string; readonly name: string }
  | ({ readonly kind: 'forget-connections' } & StaleConnections)
  | InsideJob;

/** Steps in the host's network namespace and in a container's. */
export interface InsideJob {
  readonly kind: 'inside';
  /** Of a process in the container's namespace. */
  readonly pid: number;
  readonly steps: readonly InsideStep[];
}

export type InsideStep =
  | (Step & { readonly at: 'host' | 'inside'; readonly ignore?: readonly string[] })
  | ({ readonly at: 'sysctl' } & Sysctl);

/** The index of a bridge or parent, the number of connections that were deleted; 0 for the rest. */
export type KernelAnswer =
  | { readonly ok: true; readonly index: number }
  | { readonly ok: false; readonly code: string; readonly message: string };
