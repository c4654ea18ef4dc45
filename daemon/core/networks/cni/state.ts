import type { KeyedLocks } from '../../../../common/locks.ts';
import type { Kernel } from '../kernel.ts';
import type { CniConfig } from '../../../../common/cni/contract.ts';
import type { Attachment, Readiness } from './contract.ts';
import type { HeldNetns } from './held-netns.ts';
import type { AttachmentStore } from './store.ts';

/** What changes while the daemon runs. */
export interface CniState {
  readonly config: CniConfig;
  readonly kernel: Kernel;
  readonly store: AttachmentStore;
  readonly held: HeldNetns;
  /** By container: plugins are called for one thing at a time. */
  readonly locks: KeyedLocks;
  /** By keyOf. */
  readonly attachments: Map<string, Attachment>;
  /** By container: the first try to take all away. */
  readonly leaving: Map<string, Promise<void>>;
  /** By the name of a list: GC that is under way. */
  readonly collecting: Map<string, Promise<void>>;
  /** By network: what STATUS said last. */
  readonly readiness: Map<string, Readiness>;
}

type Place = Pick<Attachment, 'containerId' | 'networkId'>;

export const keyOf = ({ containerId, networkId }: Place): string => `${containerId} ${networkId}`;

export const attachmentsOf = ({ attachments }: CniState, containerId: string): Attachment[] =>
  [...attachments.values()].filter((each) => each.containerId === containerId);

/** Writes the row, then shows it. */
export function putAttachment(state: CniState, attachment: Attachment): void {
  state.store.put(attachment);
  state.attachments.set(keyOf(attachment), attachment);
}

/** Between the end of ADD and the begin of DEL. */
export const isWhole = ({ result, leaving }: Attachment): boolean => result !== undefined && leaving !== true;

/** CNI_NETNS: the path of always while the namespace is there, else ''. */
export const netnsOf = ({ held }: CniState, { containerId, netns }: Attachment): string =>
  held.isHeld(containerId) ? netns : '';
