import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { hijackOf } from '../paths.ts';

/**
 * A request as node's HTTP server sees it. Node stops parsing a connection only after a request with an Upgrade header; what a
 * client sends right after attach or exec start would be read as its next request. So those two say of themselves that they
 * are upgrades, with the header or without, and node hands over the socket with every byte after the head untouched. Other
 * requests with an Upgrade header are ordinary ones.
 */
export class ApiMessage extends IncomingMessage {
  #upgrade: boolean | null = null;

  constructor(socket: Socket) {
    super(socket);
    Object.defineProperty(this, 'upgrade', {
      get: () => this.#upgrade === true || hijackOf(this.method, this.url) !== undefined,
      set: (value: boolean | null) => {
        this.#upgrade = value;
      },
    });
  }
}
