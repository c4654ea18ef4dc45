/** What an index says of the container whose checkpoint it is, as containerd's client writes and reads it. */
export const IMAGE_NAME = 'org.opencontainers.image.ref.name';
export const RUNTIME_NAME = 'io.containerd.checkpoint.runtime';
export const SNAPSHOTTER_NAME = 'io.containerd.checkpoint.snapshotter';
