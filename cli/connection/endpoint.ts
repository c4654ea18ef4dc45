/** Where a daemon is and how it is spoken to. */
export interface Endpoint {
  /** As given: `unix:///var/run/wherry.sock`. */
  readonly host: string;
  /** For TCP only; a unix socket needs none. */
  readonly tls?: Tls;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** PEM texts. */
export interface Tls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** Whoever answers is believed. */
  readonly skipsVerify: boolean;
}
