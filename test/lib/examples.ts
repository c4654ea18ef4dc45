import type { KernelLimits } from '../../daemon/core/kernel-limits.ts';
import type { Container, CreateRequest, Event } from '../../daemon/core/contract.ts';
import { NEVER_STARTED } from '../../daemon/core/restarts/contract.ts';
import type { Image } from '../../image/images.ts';
import type { DiffId, ImageId } from '../../image/snapshots.ts';

/** One of each, complete, for tests of what shows them. */
export const hex = (digit: string): string => digit.repeat(64);

export const exampleEvent: Event = {
  type: 'container',
  action: 'start',
  actorId: hex('c'),
  attributes: { image: 'busybox:latest', name: 'web' },
  timeNs: 1_700_000_000_123_456_789n,
  id: 7,
};

export function exampleImage(): Image {
  return {
    id: `sha256:${hex('1')}` as ImageId,
    tags: ['busybox:latest'],
    digests: [],
    config: { Cmd: ['sh'], Env: ['PATH=/bin'], Labels: { vendor: 'debian' } },
    createdAt: '2026-01-01T00:00:00Z',
    author: '',
    architecture: 'amd64',
    variant: undefined,
    os: 'linux',
    diffIds: [`sha256:${hex('2')}` as DiffId],
    topChain: undefined,
    sizeBytes: 2_000_000,
    history: [
      { created: '2026-01-01T00:00:00Z', created_by: 'make' },
      { created_by: 'CMD', empty_layer: true },
    ],
    descriptor: undefined,
    lastTaggedAt: undefined,
  };
}

export function exampleContainer(): Container {
  return {
    id: hex('c'),
    name: 'web',
    createdAt: '2026-01-01T00:00:00.000000001Z',
    imageId: exampleImage().id,
    imageName: 'busybox',
    path: 'sh',
    args: ['-c', 'echo hello'],
    config: { ...exampleRequest(), imageConfig: {} },
    state: { kind: 'running', pid: 42, startedAt: '2026-01-01T00:00:01Z' },
    restarts: NEVER_STARTED,
    logPath: '/log',
    hostnamePath: '/hostname',
    hostsPath: '/hosts',
    resolvConfPath: '/resolv.conf',
    overlay: { lower: ['/l2', '/l1'], upper: '/upper', work: '/work' },
    sandbox: undefined,
    sandboxKey: '',
    mounts: [],
    execIds: [],
    health: undefined,
  };
}

export function exampleRequest(): CreateRequest {
  return {
    name: 'web',
    image: 'busybox',
    entrypoint: undefined,
    cmd: ['sh', '-c', 'echo hello'],
    env: ['PATH=/bin'],
    user: '',
    workingDir: '',
    hostname: 'web',
    domainname: '',
    labels: { tier: 'front' },
    tty: false,
    openStdin: false,
    stdinOnce: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    stopSignal: undefined,
    stopTimeoutS: undefined,
    healthcheck: undefined,
    kept: { shell: undefined, onBuild: undefined, argsEscaped: false },
    exposedPorts: {},
    volumes: {},
    consoleSize: undefined,
    host: {
      networkMode: 'bridge',
      autoRemove: false,
      restartPolicy: { name: 'no', maximumRetryCount: 0 },
      binds: [],
      volumes: [],
      imageMounts: [],
      volumesFrom: [],
      volumeDriver: '',
      tmpfs: {},
      readonlyRootfs: false,
      privileged: false,
      capAdd: [],
      capDrop: [],
      groupAdd: [],
      securityOpt: [],
      extraHosts: [],
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      shmSizeBytes: 67_108_864,
      sysctls: {},
      ulimits: [],
      oomScoreAdj: 0,
      namespaces: { ipc: 'private', pid: '', uts: '', cgroup: 'private' },
      maskedPaths: undefined,
      readonlyPaths: undefined,
      annotations: {},
      logDriver: 'json-file',
      logOptions: {},
      resources: {
        memoryBytes: undefined,
        memoryReservationBytes: undefined,
        memorySwapBytes: undefined,
        memorySwappiness: undefined,
        oomKillDisable: false,
        nanoCpus: undefined,
        cpuShares: undefined,
        cpuPeriodUs: undefined,
        cpuQuotaUs: undefined,
        cpusetCpus: '',
        cpusetMems: '',
        pidsLimit: undefined,
        blkioWeight: undefined,
        blkioDevices: { weight: [], readBps: [], writeBps: [], readIops: [], writeIops: [] },
        cpuRealtimePeriodUs: undefined,
        cpuRealtimeRuntimeUs: undefined,
        kernelMemoryBytes: undefined,
        kernelMemoryTcpBytes: undefined,
        devices: [],
        deviceCgroupRules: [],
        cgroupParent: '',
      },
      raw: {},
    },
  };
}

/** A kernel that has them all. */
export const ALL_LIMITS: KernelLimits = {
  memory: true,
  swap: true,
  reservation: true,
  swappiness: true,
  oomKillDisable: true,
  kernelMemory: true,
  cpuShares: true,
  cpuQuota: true,
  cpuRealtime: true,
  cpuset: true,
  pids: true,
  blkioWeight: true,
  blkioWeightDevice: true,
  readBps: true,
  writeBps: true,
  readIops: true,
  writeIops: true,
};
