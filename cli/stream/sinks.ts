import { WherryError } from '../../common/errors.ts';

/** Where a stream's bytes go. Waits while the reader of the output is slow, so that the sender is slowed down too. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void> | undefined;
}

interface Target {
  write(bytes: Uint8Array): boolean;
  on(event: 'drain' | 'error', listener: (error: Error) => void): unknown;
  once(event: 'drain', listener: () => void): unknown;
}

/** Stdout and stderr of this process. Writes throw `canceled` after the reader of either has gone. */
export function standardSinks(): { readonly stdout: Sink; readonly stderr: Sink } {
  return { stdout: sinkOf(process.stdout), stderr: sinkOf(process.stderr) };
}

export function sinkOf(target: Target): Sink {
  const { promise: gone, reject } = Promise.withResolvers<never>();
  let failure: WherryError | undefined;
  gone.catch(() => undefined);
  target.on('error', (error) => {
    failure = new WherryError('canceled', 'The reader of the output has gone', { cause: error });
    reject(failure);
  });
  return {
    write: (bytes) => {
      if (failure !== undefined) return Promise.reject(failure);
      if (target.write(bytes)) return undefined;
      return Promise.race([gone, new Promise<void>((resolve) => target.once('drain', resolve))]);
    },
  };
}

/** Resolves when everything written so far has left this process. */
export async function flushStandard(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(flush));
}

const flush = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
