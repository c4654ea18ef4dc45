import Type, { type Static } from 'typebox';

/** Docker's EndpointSettings, as far as a client sets it; what it sends back of an inspect (addresses in use) is not looked at. */
const optional = Type.Optional;
const strings = Type.Array(Type.String());

export const EndpointConfig = Type.Object({
  IPAMConfig: optional(
    Type.Object({
      IPv4Address: optional(Type.String()),
      IPv6Address: optional(Type.String()),
      LinkLocalIPs: optional(strings),
    }),
  ),
  Links: optional(strings),
  Aliases: optional(strings),
  MacAddress: optional(Type.String()),
  DriverOpts: optional(Type.Record(Type.String(), Type.String())),
  GwPriority: optional(Type.Integer()),
});
export type EndpointConfig = Static<typeof EndpointConfig>;
