import { WherryError } from '../../../common/errors.ts';
import { SyscallError } from '../../../native/ffi/syscall.ts';
import { holdPort } from '../../../native/sys/port-socket.ts';
import { closeDescriptor } from '../../../native/sys/socket.ts';
import { bytesOf, parseAddress } from '../networks/subnet.ts';
import type { PortBinding, PublishedPort } from './contract.ts';

/** Where ephemeral ports come from (man 7 ip, ip_local_port_range). */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

type Claim = Pick<PublishedPort, 'protocol' | 'hostIp' | 'hostPort'>;

/** The host's ports that this daemon has given out, each held by a bound socket. Synchronous: nothing here waits. */
export class Holds {
  readonly #range: PortRange;
  /** By protocol and port: which addresses. */
  readonly #taken = new Map<string, Map<string, number | undefined>>();
  #next: number;

  constructor(range: PortRange) {
    this.#range = range;
    this.#next = range.first;
  }

  /**
   * Takes one port for a binding at all of its addresses. Throws `internal` in docker's words when none is free; then nothing is
   * held.
   */
  take({
    binding,
    hostIps,
    target,
  }: {
    binding: PortBinding;
    hostIps: readonly string[];
    target: string;
  }): PublishedPort[] {
    let failure: unknown = new WherryError('internal', 'all ports are allocated');
    for (const hostPort of this.#candidates(binding)) {
      const claims = hostIps.map((hostIp) => ({ protocol: binding.protocol, hostIp, hostPort }));
      try {
        this.hold(
          claims,
          (claim) => `${claim.hostIp}:${claim.hostPort}:${target}:${binding.containerPort}/${claim.protocol}`,
        );
        if (binding.hostPorts === undefined) this.#next = hostPort + 1;
        return claims.map((claim) => ({ ...claim, containerPort: binding.containerPort }));
      } catch (error) {
        if (!isRange(binding) || !(error instanceof TakenError)) failure = error;
      }
    }
    throw failure;
  }

  /** All or none. Throws docker's words. */
  hold(claims: readonly Claim[], describe: (claim: Claim) => string): void {
    const held: Claim[] = [];
    try {
      for (const claim of claims) {
        this.#holdOne(claim, describe);
        held.push(claim);
      }
    } catch (error) {
      this.release(held);
      throw error;
    }
  }

  #holdOne(claim: Claim, describe: (claim: Claim) => string): void {
    const { protocol, hostIp, hostPort } = claim;
    const taken = this.#taken.get(keyOf(claim)) ?? new Map<string, number | undefined>();
    if (taken.has(hostIp))
      throw new TakenError('internal', `Bind for ${hostIp}:${hostPort} failed: port is already allocated`);
    // Asked here as well as of the kernel, which may have no sctp.
    if ([...taken.keys()].some((other) => overlap(other, hostIp)))
      throw bindFailure(describe(claim), 'address already in use');
    const bytes = bytesOf(parseAddress(hostIp));
    let fd: number | undefined;
    try {
      fd = holdPort(protocol, { ip: hostIp, bytes, port: hostPort });
    } catch (error) {
      // A kernel without sctp translates it nevertheless.
      if (!(error instanceof SyscallError) || error.errnoName !== 'EPROTONOSUPPORT')
        throw bindFailure(describe(claim), wordsOf(error), error);
    }
    taken.set(hostIp, fd);
    this.#taken.set(keyOf(claim), taken);
  }

  release(claims: readonly Claim[]): void {
    for (const claim of claims) {
      const taken = this.#taken.get(keyOf(claim));
      const fd = taken?.get(claim.hostIp);
      if (fd !== undefined) closeDescriptor(fd);
      taken?.delete(claim.hostIp);
      if (taken?.size === 0) this.#taken.delete(keyOf(claim));
    }
  }

  /** What is chosen is let go again, and the next free port is the same one for the next who asks. */
  look(choose: () => readonly PublishedPort[]): readonly PublishedPort[] {
    const next = this.#next;
    try {
      const ports = choose();
      this.release(ports);
      return ports;
    } finally {
      this.#next = next;
    }
  }

  close(): void {
    for (const taken of this.#taken.values())
      for (const fd of taken.values()) if (fd !== undefined) closeDescriptor(fd);
    this.#taken.clear();
  }

  *#candidates({ hostPorts }: PortBinding): Generator<number> {
    if (hostPorts !== undefined) {
      for (let port = hostPorts.first; port <= hostPorts.last; port += 1) yield port;
      return;
    }
    const { first, last } = this.#range;
    const from = this.#next > last ? first : this.#next;
    for (let port = from; port <= last; port += 1) yield port;
    for (let port = first; port < from; port += 1) yield port;
  }
}

/** By a container of ours. */
class TakenError extends WherryError {}

const isRange = ({ hostPorts }: PortBinding): boolean =>
  hostPorts === undefined || hostPorts.first < hostPorts.last;
const keyOf = ({ protocol, hostPort }: Claim): string => `${protocol}:${hostPort}`;
const ANY = ['0.0.0.0', '::'];
const isV6 = (ip: string): boolean => ip.includes(':');
const overlap = (a: string, b: string): boolean =>
  a === b || (isV6(a) === isV6(b) && (ANY.includes(a) || ANY.includes(b)));

const bindFailure = (what: string, words: string, cause?: unknown): WherryError =>
  new WherryError('internal', `failed to bind host port for ${what}: ${words}`, { cause });

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
  EMFILE: 'too many open files',
};
const wordsOf = (error: unknown): string =>
  error instanceof SyscallError ? (WORDS[error.errnoName] ?? error.errnoName) : String(error);
