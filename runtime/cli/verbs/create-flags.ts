import { bool, int, text } from '../../../common/flags/flag.ts';

/** What `create`, `run` and `restore` have in common. */
export const createFlags = {
  bundle: text('Path to the root of the bundle directory', { short: 'b', shown: 'the current directory' }),
  config: text('Path to the configuration, in place of the bundle’s config.json', { short: 'f' }),
  'console-socket': text('Unix socket that receives the master of the container’s terminal'),
  'pid-file': text('File to write the process id to'),
  'no-pivot': bool('Do not use pivot_root to jail the process inside its root'),
  'no-new-keyring': bool('Do not create a new session keyring for the container'),
  'preserve-fds': int('Number of file descriptors beyond stdio to pass to the container'),
  'pidfd-socket': text('Unix socket that receives a pidfd of the init process'),
};
