/** Media types of what containerd's checkpoints consist of (containerd 1.6, images/mediatypes.go). */
export const CHECKPOINT = 'application/vnd.containerd.container.criu.checkpoint.criu.tar';
/** A container's specification, as the google.protobuf.Any that its record has. */
export const CHECKPOINT_CONFIG = 'application/vnd.containerd.container.checkpoint.config.v1+proto';
/** How the processes were dumped, as an Any. */
export const CHECKPOINT_OPTIONS = 'application/vnd.containerd.container.checkpoint.options.v1+proto';
/** A container's options for its runtime, as an Any. */
export const CHECKPOINT_RUNTIME_OPTIONS =
  'application/vnd.containerd.container.checkpoint.runtime.options+proto';
