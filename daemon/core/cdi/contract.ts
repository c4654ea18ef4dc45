import type { Device, DeviceRule, Hook, HookPoint, Mount } from '../../../runtime/spec.ts';

/** What the devices that a container asks for change in its specification (Container Device Interface, SPEC.md). */
export interface DeviceEdits {
  /** `NAME=value`, over those of the container. */
  readonly env: readonly string[];
  /** Without an owner: the container's user. */
  readonly devices: readonly Device[];
  readonly rules: readonly DeviceRule[];
  /** In the place of those at the same path. */
  readonly mounts: readonly Mount[];
  readonly additionalGids: readonly number[];
  /** Programs of the host, in their order. */
  readonly hooks: readonly PlacedHook[];
}

export interface PlacedHook {
  readonly point: HookPoint;
  readonly hook: Hook;
}

export const NO_EDITS: DeviceEdits = {
  env: [],
  devices: [],
  rules: [],
  mounts: [],
  additionalGids: [],
  hooks: [],
};

/** Docker's DeviceRequest. */
export interface DeviceRequest {
  /** `cdi`; empty: any that has the capabilities. */
  readonly driver: string;
  /** -1 is all. */
  readonly count: number;
  readonly deviceIds: readonly string[];
  /** Alternatives, each a list of what is needed together. */
  readonly capabilities: readonly (readonly string[])[];
  readonly options: Readonly<Record<string, string>>;
}
