import type { Networks } from '../networks/contract.ts';
import type { Admission } from './admission.ts';
import type { Holds, PortRange } from './holds.ts';
import type { PortRow, PortStore } from './store.ts';
import type { DatabaseSync } from 'node:sqlite';

export interface PortsOptions {
  readonly db: DatabaseSync;
  readonly networks: Pick<Networks, 'bridgeOf' | 'chains' | 'forgetConnections' | 'restoreRules'>;
  readonly bridgeName: string;
  /** Where ports come from that nobody names. */
  readonly ephemeral: PortRange;
  /** False: no rule is made; then nothing is published either. */
  readonly firewall: boolean;
  /** Whether ports are subject to the host's input policy; see admission.ts. */
  readonly respectHost: boolean;
}

export interface State {
  readonly options: PortsOptions;
  readonly table: string;
  readonly store: PortStore;
  readonly holds: Holds;
  readonly rows: Map<string, PortRow>;
  ruleWatch: Disposable | undefined;
  admission: Admission | undefined;
}
