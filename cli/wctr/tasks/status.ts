import {
  type Status,
  StatusSchema,
} from '../../../daemon/api/containerd/gen/containerd/types/task/task_pb.ts';

/** `RUNNING`, `PAUSED` ... */
export const statusName = (status: Status): string => StatusSchema.value[status]?.name ?? String(status);
