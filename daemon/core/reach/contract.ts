import type { Exception } from './walk.ts';

/** Who gets to a published port, and what decides it. */
export interface PortReach {
  /** `80/tcp` inside. */
  readonly port: string;
  /** `0.0.0.0:8080`; the container's own address where it is routed to. */
  readonly at: string;
  /** Other machines, whatever link they come in by. */
  readonly lan: Reach;
  /** Containers of other networks that lead outside, by the host's address. */
  readonly containers: Reach;
  /** Containers of each network that has a bridge of ours, by the host's address. */
  readonly networks: readonly NetworkReach[];
  /** This host's own programs. */
  readonly host: Reach;
  /** What can't be known, or may matter to some. */
  readonly notes: readonly string[];
}

export interface NetworkReach extends Reach {
  readonly network: string;
}

export interface Reach {
  /** `some`: it depends on what the rules of `unless` ask for, such as the source. */
  readonly verdict: 'open' | 'some' | 'closed';
  /** `table inet host, chain input: policy drop`, `net.ipv4.ip_forward is 0`. */
  readonly by: string;
  readonly unless: readonly Exception[];
}
