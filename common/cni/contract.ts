/**
 * What a container engine and CNI's plugins say to each other (the specification, 0.3.1 to 1.1.0; github.com/containernetworking/cni, SPEC.md):
 * network lists, plugins as programs of others, and the verbs over a whole list.
 */

/** daemon.json's `cni-plugin-dirs`, `cni-conf-dirs`, `cni-timeout`. */
export interface CniConfig {
  /** CNI_PATH: where plugins are looked for, in this order. */
  readonly pluginDirectories: readonly string[];
  /** Where a network list is found by its name. */
  readonly confDirectories: readonly string[];
  /** Of one call of one plugin; it is killed then. */
  readonly timeoutMs: number;
}

export const CNI_DEFAULTS: CniConfig = {
  pluginDirectories: ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'],
  confDirectories: ['/etc/cni/net.d'],
  timeoutMs: 30_000,
};

/** Ascending. */
export const CNI_VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof CNI_VERSIONS)[number];

type Json = Readonly<Record<string, unknown>>;

/** One plugin of a list, as it was written. */
export interface PluginConfig extends Json {
  readonly type: string;
}

/** A network list (`conflist`): what is called, in this order. */
export interface Chain {
  readonly name: string;
  /** The highest that the list offers, and we and its plugins know. */
  readonly cniVersion: CniVersion;
  readonly disableCheck: boolean;
  /** Absent in rows of before 1.1.0. */
  readonly disableGc?: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** What a plugin answered to ADD, in the version of its list: it goes to the next one as `prevResult`. */
export type CniResult = Json;

/** A container's interface in a network, as all calls of its plugins name it. */
export interface Place {
  readonly containerId: string;
  /** CNI_IFNAME. */
  readonly interfaceName: string;
  /** CNI_ARGS. */
  readonly args: string;
  /** By capability. */
  readonly capabilities: Json;
  /** As it was at ADD, whatever becomes of the file. */
  readonly chain: Chain;
  readonly timeoutMs: number;
  /** Undefined until every plugin has answered. */
  readonly result: CniResult | undefined;
}
