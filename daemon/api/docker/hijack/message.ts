import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { hijackOf } from '../paths.ts';

/**
 * A request as node's HTTP server sees it. Node gives a connection up only after a request with an Upgrade header, and would
 * parse what comes after any other as the next request. So attach and exec start say of themselves that they are upgrades,
 * with the header or without. Other requests with an Upgrade header are ordinary ones (`shouldUpgradeCallback`).
 */
export class ApiMessage extends IncomingMessage {
  constructor(socket: Socket) {
    super(socket);
    let upgrade: boolean | null = null;
    Object.defineProperty(this, 'upgrade', {
      get: () =>
        upgrade === true || (this.method === 'POST' && hijackOf(this.method, this.url) !== undefined),
      set: (value: boolean | null) => {
        upgrade = value;
      },
    });
  }
}
