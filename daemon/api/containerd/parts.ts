import type { Log } from '../../../common/log.ts';
import type { Containerd } from '../../core/containerd/contract.ts';
import type { Engine } from '../../core/contract.ts';
import type { EventExchange } from './events/contract.ts';

/** What the services work with. */
export interface ContainerdParts {
  readonly engine: Engine;
  readonly containerd: Containerd;
  readonly events: EventExchange;
  readonly log: Log;
}
