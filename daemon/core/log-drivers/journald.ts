import { stat } from 'node:fs/promises';
import { shortId } from '../../../common/ids.ts';
import { formatTime } from '../time.ts';
import { extraAttributes } from './attributes.ts';
import { unixDatagrams } from './channels.ts';
import type { Encode, Receiver } from './contract.ts';
import type { Tagged } from './tag.ts';

export const JOURNAL_SOCKET = '/run/systemd/journal/socket';
const PRIORITY = { stdout: '6', stderr: '3' } as const;

/** Whether this host has a journal. */
export const hasJournal = (): Promise<boolean> =>
  stat(JOURNAL_SOCKET).then(
    (status) => status.isSocket(),
    () => false,
  );

/** The driver `journald`; the tag is filled already. */
export function journalReceiver(container: Tagged, tag: string): Receiver {
  return {
    encode: journalEncoder(container, tag),
    open: async () => {
      await stat(JOURNAL_SOCKET);
      return unixDatagrams(JOURNAL_SOCKET);
    },
  };
}

/**
 * Entries of the journal's own protocol (systemd's "Native Journal Protocol"), with the fields of docker's driver; the time at
 * which the container wrote is in SYSLOG_TIMESTAMP, because the journal stamps an entry when it comes.
 */
export function journalEncoder(container: Tagged, tag: string): Encode {
  const { id, name, imageName, config } = container;
  const attributes = Object.entries(extraAttributes(config.host.logOptions, config));
  const fixed = Object.entries({
    CONTAINER_ID: shortId(id),
    CONTAINER_ID_FULL: id,
    CONTAINER_NAME: name,
    CONTAINER_TAG: tag,
    IMAGE_NAME: imageName,
    SYSLOG_IDENTIFIER: tag,
    ...Object.fromEntries(attributes.map(([key, value]) => [journalKey(key), value])),
  });
  const common = Buffer.concat(fixed.filter(([key]) => key !== '').map(field));
  return ({ stream, timeNs, text, isPartial }) =>
    Buffer.concat([
      common,
      field(['PRIORITY', PRIORITY[stream]]),
      field(['SYSLOG_TIMESTAMP', formatTime(timeNs)]),
      ...(isPartial ? [field(['CONTAINER_PARTIAL_MESSAGE', 'true'])] : []),
      field(['MESSAGE', text]),
    ]);
}

/** Capital letters, digits and underscores, no underscore first. */
const journalKey = (text: string): string =>
  text
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^_+/, '');

/** A value with a newline in it is led by its length. */
function field([key, value]: readonly [string, string]): Buffer {
  const bytes = Buffer.from(value);
  if (!value.includes('\n')) return Buffer.concat([Buffer.from(`${key}=`), bytes, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${key}\n`), length, bytes, Buffer.from('\n')]);
}
