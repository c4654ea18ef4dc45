import { isIPv4, isIPv6 } from 'node:net';
import { invalidArgument, messageOf } from '../../../common/errors.ts';
import type { ImageConfig } from '../../../image/images.ts';
import { ACTION_LABEL, parseAction } from './action.ts';
import type { Check, Healthcheck, Target } from './contract.ts';
import { fromDocker, type DockerHealthcheck } from './docker-form.ts';

/** Each stands for a test: the first that a container has. */
const TEST_LABELS = [
  ['wherry.health.http', 'HTTP'],
  ['wherry.health.tcp', 'TCP'],
  ['wherry.health.grpc', 'GRPC'],
] as const;
export const HEALTH_LABELS: readonly string[] = TEST_LABELS.map(([label]) => label);

const MIN_NS = 1e6;
const NS_PER_MS = 1e6;
const SHELL = ['/bin/sh', '-c'];
const KINDS = ['NONE', 'CMD', 'CMD-SHELL', 'HTTP', 'TCP', 'GRPC'];

/** Refuses what docker refuses, in its words, and a test that nobody could make. */
export function validateHealthcheck(given: Healthcheck | undefined): void {
  if (given === undefined) return;
  checkDuration('Interval', given.intervalNs);
  checkDuration('Timeout', given.timeoutNs);
  if (given.retries < 0) throw invalidArgument('Retries in Healthcheck cannot be negative');
  checkDuration('StartPeriod', given.startPeriodNs);
  checkDuration('StartInterval', given.startIntervalNs);
}

function checkDuration(name: string, ns: number): void {
  if (ns !== 0 && ns < MIN_NS) throw invalidArgument(`${name} in Healthcheck cannot be less than 1ms`);
}

/**
 * The request's check, what it leaves open from the image, as docker merges them. Our labels stand in for a test that the request
 * does not have, and go before the image's.
 */
export function mergeHealthcheck(
  given: Healthcheck | undefined,
  image: ImageConfig,
  labels: Readonly<Record<string, string>>,
): Healthcheck | undefined {
  const inherited = image.Healthcheck === undefined ? undefined : fromDocker(image.Healthcheck);
  const test =
    given === undefined || given.test.length === 0 ? (labelTest(labels) ?? inherited?.test) : given.test;
  if (given === undefined && test === inherited?.test) return inherited;
  const pick = (key: 'intervalNs' | 'timeoutNs' | 'startPeriodNs' | 'startIntervalNs' | 'retries'): number =>
    (given?.[key] ?? 0) === 0 ? (inherited?.[key] ?? 0) : (given?.[key] ?? 0);
  return {
    test: test ?? [],
    intervalNs: pick('intervalNs'),
    timeoutNs: pick('timeoutNs'),
    startPeriodNs: pick('startPeriodNs'),
    startIntervalNs: pick('startIntervalNs'),
    retries: pick('retries'),
  };
}

function labelTest(labels: Readonly<Record<string, string>>): readonly string[] | undefined {
  for (const [label, kind] of TEST_LABELS) {
    const asked = labels[label];
    if (asked !== undefined) return [kind, asked];
  }
  return undefined;
}

/** What is to be done, defaults filled in; undefined without a check. Throws `invalid-argument` for a test that can't be made. */
export function checkOf(healthcheck: Healthcheck | undefined, image: ImageConfig): Check | undefined {
  const target = healthcheck === undefined ? undefined : targetOf(healthcheck.test, image);
  if (healthcheck === undefined || target === undefined) return undefined;
  const { intervalNs, timeoutNs, startPeriodNs, startIntervalNs, retries } = healthcheck;
  const ms = (ns: number, otherwise: number): number => (ns === 0 ? otherwise : ns / NS_PER_MS);
  return {
    target,
    intervalMs: ms(intervalNs, 30_000),
    timeoutMs: ms(timeoutNs, 30_000),
    startPeriodMs: ms(startPeriodNs, 0),
    startIntervalMs: ms(startIntervalNs, 5_000),
    retries: retries === 0 ? 3 : retries,
  };
}

function targetOf([kind, ...words]: readonly string[], image: ImageConfig): Target | undefined {
  switch (kind) {
    case undefined:
    case 'NONE':
      return undefined;
    case 'CMD':
      return { kind: 'command', words };
    case 'CMD-SHELL': {
      const shell = image.Shell ?? [];
      return { kind: 'command', words: [...(shell.length === 0 ? SHELL : shell), ...words] };
    }
    case 'HTTP':
      return httpTarget(words);
    case 'TCP':
      return tcpTarget(words);
    case 'GRPC':
      return grpcTarget(words);
    default:
      throw invalidArgument(
        `Unknown healthcheck type '${kind}' (expected ${KINDS.map((known) => `'${known}'`).join(', ')})`,
      );
  }
}

/** `http://:8080/path`: nobody else than the container itself is asked, so the host is empty, `localhost` or an address. */
function httpTarget([url = '', ...more]: readonly string[]): Target {
  const [, host, path = ''] = /^http:\/\/([^/?#]*)([^#]*)/.exec(url) ?? [];
  if (host === undefined || more.length > 0 || /[^\x21-\x7e]/.test(url)) {
    throw invalidArgument(
      `Invalid healthcheck URL "${[url, ...more].join(' ')}": expected http://[ADDRESS][:PORT][/PATH]`,
    );
  }
  const place = readAddress(host, 80, url);
  return { kind: 'http', url, ...place, path: path.startsWith('/') ? path : `/${path}` };
}

function tcpTarget([text = '', ...more]: readonly string[]): Target {
  if (more.length > 0) throw invalidArgument(`Invalid healthcheck address "${[text, ...more].join(' ')}"`);
  return { kind: 'tcp', ...readAddress(text.replace(/^tcp:\/\//, ''), 0, text) };
}

/** `:50051` or `grpc://:50051/package.Service`: the port has no default, as in Kubernetes. */
function grpcTarget([url = '', ...more]: readonly string[]): Target {
  const [, host = '', service = ''] = /^(?:grpc:\/\/)?([^/]*)(?:\/([\w.-]{0,256}))?$/.exec(url) ?? [];
  if (host === '' || more.length > 0) {
    throw invalidArgument(
      `Invalid healthcheck address "${[url, ...more].join(' ')}": expected [ADDRESS]:PORT[/SERVICE]`,
    );
  }
  return { kind: 'grpc', url, ...readAddress(host, 0, url), service };
}

function readAddress(
  text: string,
  defaultPort: number,
  shown: string,
): { readonly address: string; readonly port: number } {
  const [, v6, plain = '', port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = v6 ?? (plain === '' || plain === 'localhost' ? '127.0.0.1' : plain);
  const number = port === undefined ? defaultPort : Number(port);
  const isAddress = v6 === undefined ? isIPv4(address) : isIPv6(address);
  if (!isAddress || number < 1 || number > 65_535 || (text === '' && defaultPort === 0)) {
    throw invalidArgument(
      `Invalid healthcheck address "${shown}": expected a port of the container itself, [ADDRESS]:PORT`,
    );
  }
  return { address, port: number };
}

/**
 * Warns of an image's check that can't be made: no reason to refuse a container. Throws `invalid-argument` for one that was asked for,
 * and for an action that nobody understands.
 */
export function checkAtCreate(
  merged: {
    readonly healthcheck: Healthcheck | undefined;
    readonly imageConfig: ImageConfig;
    readonly labels: Readonly<Record<string, string>>;
  },
  given: Healthcheck | undefined,
): readonly string[] {
  const { healthcheck, imageConfig, labels } = merged;
  parseAction(labels[ACTION_LABEL]);
  try {
    checkOf(healthcheck, imageConfig);
    return [];
  } catch (error) {
    const inherited: DockerHealthcheck | undefined = imageConfig.Healthcheck;
    const isOwn = (given?.test.length ?? 0) > 0 || String(healthcheck?.test) !== String(inherited?.Test);
    if (isOwn) throw error;
    return [messageOf(error)];
  }
}
