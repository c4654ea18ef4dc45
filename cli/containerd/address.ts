/** Our own daemon's, in its default exec root. */
export const DEFAULT_ADDRESS = '/run/wherry/containerd.sock';
