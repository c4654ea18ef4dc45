import Type, { type Static } from 'typebox';
import { EndpointConfig } from './endpoint.ts';
import { reader } from './json.ts';

/** Bodies of `POST /networks/create`, `/networks/x/connect` and `/networks/x/disconnect`. */
const optional = Type.Optional;
const stringMap = Type.Record(Type.String(), Type.String());

const IpamConfig = Type.Object({
  Subnet: optional(Type.String()),
  IPRange: optional(Type.String()),
  Gateway: optional(Type.String()),
  AuxiliaryAddresses: optional(stringMap),
});

export const NetworkCreateBody = Type.Object({
  Name: optional(Type.String()),
  CheckDuplicate: optional(Type.Boolean()),
  Driver: optional(Type.String()),
  Scope: optional(Type.String()),
  EnableIPv4: optional(Type.Boolean()),
  EnableIPv6: optional(Type.Boolean()),
  IPAM: optional(
    Type.Object({
      Driver: optional(Type.String()),
      Options: optional(stringMap),
      Config: optional(Type.Array(IpamConfig)),
    }),
  ),
  Internal: optional(Type.Boolean()),
  Attachable: optional(Type.Boolean()),
  Ingress: optional(Type.Boolean()),
  ConfigOnly: optional(Type.Boolean()),
  ConfigFrom: optional(Type.Object({ Network: optional(Type.String()) })),
  Options: optional(stringMap),
  Labels: optional(stringMap),
});
export type NetworkCreateBody = Static<typeof NetworkCreateBody>;
export const readNetworkCreateBody = reader(NetworkCreateBody);

export const ConnectBody = Type.Object({
  Container: optional(Type.String()),
  EndpointConfig: optional(EndpointConfig),
});
export const readConnectBody = reader(ConnectBody);

export const DisconnectBody = Type.Object({
  Container: optional(Type.String()),
  Force: optional(Type.Boolean()),
});
export const readDisconnectBody = reader(DisconnectBody);
