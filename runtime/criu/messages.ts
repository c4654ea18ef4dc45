import { decode, encode, type Field, type Fields } from './wire.ts';

/** Messages of CRIU's service (images/rpc.proto of CRIU 3.17; the numbers are its interface and stay). */

const int = (number: number): Field => ({ number, type: 'int' });
const bool = (number: number): Field => ({ number, type: 'bool' });
const text = (number: number): Field => ({ number, type: 'text' });
const list = (number: number, type: Fields | 'text'): Field => ({ number, type, isList: true });

const PAGE_SERVER: Fields = { address: text(1), port: int(2) };
const PAIR: Fields = { key: text(1), val: text(2) };

const OPTIONS: Fields = {
  imagesDirFd: int(1),
  pid: int(2),
  leaveRunning: bool(3),
  extUnixSk: bool(4),
  tcpEstablished: bool(5),
  evasiveDevices: bool(6),
  shellJob: bool(7),
  fileLocks: bool(8),
  logLevel: int(9),
  logFile: text(10),
  pageServer: { number: 11, type: PAGE_SERVER },
  notifyScripts: bool(12),
  root: text(13),
  parentImg: text(14),
  trackMem: bool(15),
  autoDedup: bool(16),
  workDirFd: int(17),
  linkRemap: bool(18),
  extMnt: list(23, PAIR),
  manageCgroups: bool(24),
  cgRoot: list(25, { ctrl: text(1), path: text(2) }),
  rstSibling: bool(26),
  inheritFd: list(27, { key: text(1), fd: int(2) }),
  manageCgroupsMode: int(34),
  external: list(37, 'text'),
  emptyNs: int(38),
  joinNs: list(39, { ns: text(1), nsFile: text(2) }),
  freezeCgroup: text(44),
  tcpSkipInFlight: bool(46),
  lazyPages: bool(48),
  statusFd: int(49),
  orphanPtsMaster: bool(50),
  configFile: text(51),
  lsmProfile: text(53),
  lsmMountContext: text(63),
};

const FEATURES: Fields = { memTrack: bool(1), lazyPages: bool(2) };

const REQUEST: Fields = {
  type: int(1),
  opts: { number: 2, type: OPTIONS },
  notifySuccess: bool(3),
  features: { number: 5, type: FEATURES },
};

const RESPONSE: Fields = {
  type: int(1),
  success: bool(2),
  restore: { number: 4, type: { pid: int(1) } },
  notify: { number: 5, type: { script: text(1), pid: int(2) } },
  errno: int(7),
  features: { number: 8, type: FEATURES },
  message: text(9),
  version: { number: 10, type: { major: int(1), minor: int(2), sublevel: int(4) } },
};

/** enum criu_req_type */
const TYPES = {
  EMPTY: 0,
  DUMP: 1,
  RESTORE: 2,
  PRE_DUMP: 4,
  NOTIFY: 6,
  FEATURE_CHECK: 9,
  VERSION: 10,
} as const;
export type RequestType = keyof typeof TYPES;

/** enum criu_cg_mode */
export const CGROUP_MODES = { ignore: 0, soft: 3, full: 4, strict: 5, default: 6 } as const;

/** struct criu_opts: what CRIU is to do. Descriptors of directories are this process's own, those of `inheritFd` CRIU's. */
export interface CriuOptions {
  readonly imagesDirFd: number;
  readonly workDirFd?: number;
  readonly pid?: number;
  readonly leaveRunning?: boolean;
  readonly extUnixSk?: boolean;
  readonly tcpEstablished?: boolean;
  readonly evasiveDevices?: boolean;
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly logLevel?: number;
  readonly logFile?: string;
  readonly pageServer?: { readonly address: string; readonly port: number };
  readonly notifyScripts?: boolean;
  readonly root?: string;
  readonly parentImg?: string;
  readonly trackMem?: boolean;
  readonly autoDedup?: boolean;
  readonly linkRemap?: boolean;
  readonly extMnt?: readonly { readonly key: string; readonly val: string }[];
  readonly manageCgroups?: boolean;
  readonly cgRoot?: readonly { readonly ctrl: string; readonly path: string }[];
  readonly rstSibling?: boolean;
  readonly inheritFd?: readonly { readonly key: string; readonly fd: number }[];
  readonly manageCgroupsMode?: number;
  readonly external?: readonly string[];
  readonly emptyNs?: number;
  readonly joinNs?: readonly { readonly ns: string; readonly nsFile: string }[];
  readonly freezeCgroup?: string;
  readonly tcpSkipInFlight?: boolean;
  readonly lazyPages?: boolean;
  readonly statusFd?: number;
  readonly orphanPtsMaster?: boolean;
  readonly configFile?: string;
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
}

export interface CriuRequest {
  readonly type: RequestType;
  readonly opts?: CriuOptions;
  readonly notifySuccess?: boolean;
  readonly features?: { readonly memTrack?: boolean; readonly lazyPages?: boolean };
}

export interface CriuResponse {
  readonly type: RequestType;
  readonly success: boolean;
  readonly restore?: { readonly pid: number };
  readonly notify?: { readonly script: string; readonly pid?: number };
  readonly errno?: number;
  readonly features?: { readonly memTrack?: boolean; readonly lazyPages?: boolean };
  readonly message?: string;
  readonly version?: { readonly major: number; readonly minor: number; readonly sublevel?: number };
}

export const encodeRequest = ({ type, ...rest }: CriuRequest): Buffer =>
  encode(REQUEST, { type: TYPES[type], ...rest } as unknown as Parameters<typeof encode>[1]);

/** Throws for bytes that are no response. */
export function decodeResponse(data: Buffer): CriuResponse {
  const { type, success, ...rest } = decode(RESPONSE, data);
  const name = (Object.keys(TYPES) as RequestType[]).find((each) => TYPES[each] === type);
  if (name === undefined || typeof success !== 'boolean')
    throw new Error(`CRIU answers with a message of type ${JSON.stringify(type)}`);
  return { ...rest, type: name, success };
}
