import { pace } from '../../../common/pace.ts';
import { connectNetlink, type NetlinkRequest } from '../../../native/netlink/connection.ts';
import { batchOf, type Translation } from './rules.ts';
import type { State } from './state.ts';

/** A transaction of the kernel holds the thread: 3 microseconds a port. */
const PORTS_A_TRANSACTION = 2_000;
/** And what makes its messages, 8. */
const PORTS_A_TURN = 250;

type Change = (table: string, translations: readonly Translation[]) => NetlinkRequest[];

/** The same rows, of a few ports each. */
export function* inTurns<T extends Pick<Translation, 'ports'>>(rows: readonly T[]): Generator<T> {
  for (const row of rows)
    for (let at = 0; at < row.ports.length; at += PORTS_A_TURN)
      yield { ...row, ports: row.ports.slice(at, at + PORTS_A_TURN) };
}

/** In one transaction up to 2,000 ports; the event loop goes on meanwhile. */
export async function sendAll(
  state: State,
  steps: readonly (readonly [change: Change, row: Translation])[],
): Promise<void> {
  const breathe = pace();
  let requests: NetlinkRequest[] = [];
  let ports = 0;
  for (const [change, row] of steps) {
    for (const part of inTurns([row])) {
      if (ports + part.ports.length > PORTS_A_TRANSACTION) {
        send(state, requests);
        [requests, ports] = [[], 0];
      }
      requests.push(...change(state.table, [part]));
      ports += part.ports.length;
      await breathe();
    }
  }
  send(state, requests);
}

/** One transaction of nf_tables. */
export function send({ options }: State, requests: readonly NetlinkRequest[]): void {
  if (!options.firewall || requests.length === 0) return;
  using netfilter = connectNetlink('netfilter');
  netfilter.batch(batchOf(requests));
}
