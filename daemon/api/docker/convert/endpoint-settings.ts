import type { EndpointSettings } from '../../../core/networks/types.ts';
import type { EndpointConfig } from '../wire/endpoint.ts';

/** The domain's settings of one endpoint. */
export const toEndpointSettings = (config: EndpointConfig): EndpointSettings => ({
  ipv4Address: config.IPAMConfig?.IPv4Address || undefined,
  ipv6Address: config.IPAMConfig?.IPv6Address || undefined,
  linkLocalIps: config.IPAMConfig?.LinkLocalIPs ?? [],
  aliases: config.Aliases ?? [],
  links: config.Links ?? [],
  macAddress: config.MacAddress || undefined,
  driverOptions: config.DriverOpts ?? {},
  gatewayPriority: config.GwPriority ?? 0,
});
