import Type from 'typebox';
import { reader } from './json.ts';
import { RestartPolicyBody } from './restart-policy.ts';

/** Body of `POST /containers/x/update`: the limits that a living container can be given, and the restart policy. */
const integer = Type.Optional(Type.Integer());
const text = Type.Optional(Type.String());

export const readUpdateBody = reader(
  Type.Object({
    BlkioWeight: integer,
    CpuPeriod: integer,
    CpuRealtimePeriod: integer,
    CpuRealtimeRuntime: integer,
    CpuQuota: integer,
    CpuShares: integer,
    CpusetCpus: text,
    CpusetMems: text,
    KernelMemory: integer,
    Memory: integer,
    MemoryReservation: integer,
    MemorySwap: integer,
    NanoCpus: integer,
    PidsLimit: integer,
    RestartPolicy: Type.Optional(RestartPolicyBody),
  }),
);
