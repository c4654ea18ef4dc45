import { buffer } from 'node:stream/consumers';
import { busyboxArchive as makeArchive } from '../../image/busybox.ts';

let archive: Promise<Buffer> | undefined;

/** The embedded busybox image as a docker archive, made once a process. */
export const busyboxArchive = (): Promise<Buffer> =>
  (archive ??= makeArchive().then((stream) => buffer(stream)));
