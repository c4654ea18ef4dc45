import { bool, list, text, type Values } from '../common/flags/flag.ts';
import { DEFAULT_HOST } from './http/address.ts';

/** The flags before the command. */
export const globalFlags = {
  debug: bool('Print the causes of errors too', { short: 'D' }),
  host: list('Socket of the daemon', { short: 'H', shown: `"${DEFAULT_HOST}"` }),
  'log-level': text('Level of messages ("debug", "info", "warn", "error", "fatal")', {
    short: 'l',
    initial: 'info',
    shown: '"info"',
  }),
  config: text('Directory of the settings that docker has too', { shown: '"~/.docker"' }),
  context: text('Name of the context to use: where the daemon is', { short: 'c' }),
  tls: bool('Use TLS; implied by --tlsverify'),
  tlscacert: text('Trust certificates of this authority only', { shown: '"~/.docker/ca.pem"' }),
  tlscert: text('Path of the TLS certificate', { shown: '"~/.docker/cert.pem"' }),
  tlskey: text('Path of the TLS key', { shown: '"~/.docker/key.pem"' }),
  tlsverify: bool('Use TLS and verify the daemon'),
  version: bool('Print the version and quit', { short: 'v' }),
};

/** As they were given. */
export interface GlobalFlags {
  readonly values: Values<typeof globalFlags>;
  readonly changed: ReadonlySet<string>;
}
