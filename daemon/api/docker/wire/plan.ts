import type { RestartPolicyBody } from './restart-policy.ts';

/** Answer of `POST /wherry/containers/plan`: what the same `POST /containers/create`, and a start after it, would do now. */
export interface PlanBody {
  readonly Name: string;
  /** Another one will be chosen then. */
  readonly NameGenerated: boolean;
  readonly Image: {
    readonly Reference: string;
    /** Empty: it is not here. */
    readonly Id: string;
    readonly Layers: number;
  };
  readonly Process: {
    readonly Args: readonly string[];
    readonly Env: readonly string[];
    readonly WorkingDir: string;
    readonly Hostname: string;
    readonly Tty: boolean;
    /** A first process of ours before it. */
    readonly Init: boolean;
  };
  readonly User: {
    /** As asked for, or as the image says. */
    readonly Name: string;
    readonly Uid: number;
    readonly Gid: number;
    readonly AdditionalGids: readonly number[];
    /** Without a user namespace they are the host's. */
    readonly Mappings: readonly PlannedMapping[];
  };
  readonly Volumes: readonly PlannedVolume[];
  readonly Mounts: readonly PlannedMountBody[];
  readonly Limits: {
    readonly CgroupPath: string;
    readonly Writes: readonly { readonly File: string; readonly Value: string }[];
    readonly Ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
    readonly OomScoreAdj: number;
  };
  readonly NetworkMode: string;
  readonly Networks: readonly PlannedEndpoint[];
  readonly Ports: readonly PlannedPort[];
  readonly Security: {
    readonly Privileged: boolean;
    readonly Capabilities: readonly string[];
    readonly NoNewPrivileges: boolean;
    readonly Seccomp: { readonly Profile: string; readonly Instructions: number };
    /** Empty: none. */
    readonly AppArmor: string;
    readonly MaskedPaths: readonly string[];
    readonly ReadonlyPaths: readonly string[];
    readonly ReadonlyRootfs: boolean;
    readonly Sysctls: Readonly<Record<string, string>>;
  };
  /** Of its own; a path: those of another container. What is missing is the host's. */
  readonly Namespaces: readonly { readonly Type: string; readonly Path: string }[];
  readonly Devices: readonly PlannedDevice[];
  readonly DeviceRules: readonly string[];
  readonly Log: {
    readonly Driver: string;
    readonly Options: Readonly<Record<string, string>>;
    /** Empty: nobody writes one. */
    readonly Path: string;
  };
  readonly Runtime: string;
  readonly RestartPolicy: RestartPolicyBody;
  readonly AutoRemove: boolean;
  readonly Warnings: readonly string[];
  /** Why a start would fail now, each with the exit code that it would leave. */
  readonly Problems: readonly { readonly Message: string; readonly ExitCode: number }[];
}

export interface PlannedMapping {
  readonly ContainerID: number;
  readonly HostID: number;
  readonly Size: number;
}

export interface PlannedVolume {
  /** Empty for one without a name: it gets one. */
  readonly Name: string;
  readonly Driver: string;
  readonly Destination: string;
  readonly Made: boolean;
  /** What the image has there is copied into it. */
  readonly CopyUp: boolean;
}

export interface PlannedMountBody {
  readonly Type: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Options: readonly string[];
  /** A directory of the host that does not exist and would be made. */
  readonly SourceMade: boolean;
}

export interface PlannedEndpoint {
  readonly Network: string;
  readonly Driver: string;
  readonly Interface: string;
  readonly MacAddress: string;
  /** With their prefixes; empty: none. */
  readonly IPAddress: string;
  readonly IPv6Address: string;
  readonly Gateway: string;
  readonly IPv6Gateway: string;
  readonly DNSNames: readonly string[];
  /** False: it is the next that is free, and may be another's by then. */
  readonly Fixed: boolean;
}

export interface PlannedPort {
  readonly ContainerPort: number;
  readonly Protocol: string;
  readonly HostIp: string;
  /** 0: it is reached by the container's own address. */
  readonly HostPort: number;
  /** False: it is the next that is free. */
  readonly Fixed: boolean;
}

export interface PlannedDevice {
  readonly Path: string;
  readonly Type: string;
  readonly Major: number;
  readonly Minor: number;
}
