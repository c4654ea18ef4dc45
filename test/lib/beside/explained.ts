import type { Explanation } from './compare.ts';
import { ERRORS } from './explained-errors.ts';

/** A field of one thing, or of each in a list. */
const each = (field: string): RegExp => new RegExp(`^body\\.(\\w+\\.)?(\\d+\\.)?(${field})`);
const INSPECT = /GET \/containers\/[^/]+\/json/;
const LIST = /GET \/(containers\/json|system\/df)/;
const IMAGE = /GET \/(images|system)\//;
const STATS = /GET \/containers\/k1\/stats/;

/** What every answer has. */
const HEADERS: readonly Explanation[] = [
  { at: /^header\.(server|api-version)$/, because: 'it is another version' },
  {
    at: /^header\.(content-length|transfer-encoding)$/,
    because: 'Go sends in chunks what is longer than its buffer, we what is a stream',
  },
  { at: /^header\.(docker-experimental|ostype)$/, because: 'we tell them where there is no such page, too' },
  { at: /^header\.date$/, because: 'the head of a stream is written by hand, on either side' },
  { of: /(GET|HEAD) \/+_ping/, at: /^header\.(builder-version|swarm)$/, because: 'since 22 it is told' },
  { of: /GET .*\/logs/, at: /^header\.content-type$/, because: 'since 23 a log says what it is' },
  { of: STATS, at: /^header\.content-type$/, because: 'since 23 it says what it is' },
  {
    of: /GET \/containers\/(\/|%2e)|GET \/+v1\.41\/\//,
    at: /^/,
    because: 'a path that is not clean is not redirected',
  },
];

const SYSTEM: readonly Explanation[] = [
  {
    of: /GET \/+version/,
    at: /^body\.(Platform|Components|Version|ApiVersion|MinAPIVersion|GitCommit|GoVersion|BuildTime)/,
    because: 'it is another program',
  },
  {
    of: /GET \/info/,
    at: /^body\.(ServerVersion|Runtimes|ContainerdCommit|RuncCommit|InitCommit|NFd|NGoroutines)/,
    because: 'it is another program',
  },
  {
    of: /GET \/info/,
    at: /^body\.DriverStatus/,
    because: 'the file system is told that docker can have trouble with',
  },
  { of: /GET \/info/, at: /^body\.Plugins/, because: 'the drivers that there are' },
  { of: /GET \/info/, at: /^body\.KernelMemory/, because: 'since 23 it is no more' },
  { of: /GET \/info/, at: /^body\.BridgeNf/, because: 'nothing of ours needs br_netfilter' },
  {
    of: /GET \/info/,
    at: /^body\.RegistryConfig/,
    because: 'since 28 nothing is nondistributable, and ::1 is insecure',
  },
  { of: /GET \/info/, at: /^body\.LiveRestoreEnabled$/, because: 'containers outlive every daemon' },
  { of: /GET \/info/, at: /^body\.SecurityOptions\.0$/, because: 'since 23 the profile is named builtin' },
  { of: /GET \/info/, at: /^body\.CDISpecDirs$/, because: 'since 25' },
  { of: /GET \/system\/df/, at: /^body\.BuildCache$/, because: 'since 23 an empty list' },
  {
    of: /GET \/system\/df/,
    at: /^body\.Volumes\.\d+\.Labels$/,
    because: 'since 23 anonymous volumes have a label',
  },
  {
    of: /GET \/events/,
    at: each('eventId$'),
    because: 'an event can be told from the next, and read on from',
  },
  { of: /GET \/events/, at: each('Actor\\.Attributes\\.execDuration$'), because: 'since 22 it is told' },
];

const CONTAINERS: readonly Explanation[] = [
  {
    at: each('NetworkSettings\\.Networks\\.\\w+\\.(GwPriority|DNSNames)$'),
    because: 'since 25 and 28 it is told',
  },
  { at: each('HostConfig\\.NetworkMode$'), because: 'since 28 the default network is named at once' },
  {
    of: INSPECT,
    at: each('GraphDriver\\.Data'),
    because: 'layers lie elsewhere below the data root, and since 28 the id is told',
  },
  { of: INSPECT, at: each('HostConfig\\.RestartPolicy\\.Name$'), because: 'since 25 no policy is named so' },
  { of: INSPECT, at: each('HostConfig\\.MaskedPaths'), because: 'newer lists are longer' },
  { of: INSPECT, at: each('HostConfig\\.KernelMemory'), because: 'since 28 it is left out when it is 0' },
  {
    of: INSPECT,
    at: each('HostConfig\\.PortBindings$'),
    where: (theirs) => theirs === null,
    because: 'it is the map that clients send, also when they send none',
  },
  { of: INSPECT, at: each('State\\.Error$'), because: 'since 23 with more words before it' },
  {
    of: INSPECT,
    at: each('(LogPath|ResolvConfPath|HostnamePath|HostsPath)$'),
    because: 'dockerd makes them at the start',
  },
  {
    of: INSPECT,
    at: each('NetworkSettings\\.Sandbox(ID|Key)$'),
    because: 'since 26 it goes with the end; ours is named by the whole id',
  },
  {
    of: INSPECT,
    at: each('NetworkSettings\\.Networks\\.bridge\\.NetworkID$'),
    where: (_theirs, ours) => ours === '',
    because: 'it was never attached to it',
  },
  {
    of: INSPECT,
    at: each('NetworkSettings\\.Networks\\.\\w+\\.Aliases$'),
    because: 'since 25 the short id is among the DNSNames only',
  },
  {
    of: INSPECT,
    at: each('NetworkSettings\\.Networks\\.inner\\.Gateway$'),
    because: 'since 28 an internal network has no gateway',
  },
  {
    of: /GET \/containers\/(\w+\/)?json/,
    at: each('(NetworkSettings\\.)?Ports'),
    where: (theirs) => JSON.stringify(theirs).includes('"::"'),
    because: 'without an IPv6 address of the container, a process would have to translate',
  },
  {
    at: each('(SizeRootFs|LayersSize)$'),
    because: 'sizes are those of the files, without what stands around them',
  },
  { at: /^body\.Error$/, where: (theirs) => theirs === null, because: 'since 23 no error is left out' },
  { of: LIST, at: each('Mounts\\.\\d+\\.Source$'), because: 'dockerd has none until the first start' },
  {
    of: LIST,
    at: each('NetworkSettings\\.Networks\\.front\\.Aliases$'),
    because: 'what inspect tells',
  },
  {
    of: LIST,
    at: each(
      'NetworkSettings\\.Networks\\.bridge\\.(NetworkID|EndpointID|Gateway|IPAddress|IPPrefixLen|MacAddress)$',
    ),
    where: (_theirs, ours) => ours === '' || ours === 0,
    because: 'what failed to start has no address',
  },
  {
    of: LIST,
    at: /^body$/,
    where: (theirs) => JSON.stringify(theirs) === '[]',
    because: 'what is exposed stays so after the end',
  },
  { of: STATS, at: /^body\.blkio_stats/, because: 'this kernel has no figures' },
  { of: STATS, at: /^body\.memory_stats\.stats/, because: 'all that the kernel tells' },
  { of: /GET \/exec\/\{e\d\}\/json/, at: /^body\.CanRemove$/, because: 'what has ended can be removed' },
  {
    of: /GET \/exec\/\{e3\}\/json/,
    at: /^body\.ExitCode$/,
    because: 'a program that is not there is 127, as that of a run',
  },
];

const IMAGES: readonly Explanation[] = [
  {
    of: IMAGE,
    at: each('(Size|VirtualSize|SharedSize)$'),
    because: 'sizes are those of the files, without what stands around them',
  },
  { of: IMAGE, at: each('RepoDigests$'), because: 'since 23 an empty list' },
  { of: IMAGE, at: each('(ParentId|Parent)$'), because: 'since 23 only the classic builder writes parents' },
  {
    of: /GET \/images\//,
    at: /^body\.(GraphDriver\.Data|Metadata\.LastTagTime)/,
    because: 'layers lie elsewhere, and a load is a tagging',
  },
  {
    of: /GET \/images\/made/,
    at: /^body\.(Container|ContainerConfig|DockerVersion|Config)(\.|$)/,
    because: 'since 25 an image has nothing of the container that it was made of',
  },
  {
    of: /POST \/images\/prune$/,
    at: /^body\.ImagesDeleted$/,
    because: 'we commit nothing when the name is bad',
  },
];

const NETWORKS: readonly Explanation[] = [
  { of: /GET \/networks/, at: each('EnableIPv4$'), because: 'since 28 networks may have no IPv4' },
  {
    of: /GET \/networks/,
    at: each('Options\\.com\\.docker\\.network\\.bridge\\.name$'),
    because: 'a bridge of our own beside that of docker',
  },
  {
    of: /GET \/networks/,
    at: each('IPAM\\.Config'),
    because: 'since 28 the gateway is told, and none is null',
  },
];

/** What is answered otherwise as a whole. */
const WHOLE = /^(status|header\.(content-type|connection)|body)/;
const ANSWERS: readonly Explanation[] = [
  {
    of: /POST \/(containers\/\w+\/attach|exec\/\{e1\}\/start)/,
    at: WHOLE,
    because: 'an error comes before the stream, as JSON, as every error',
  },
  {
    of: /GET \/containers\/\w+\/attach\/ws/,
    at: WHOLE,
    because: 'what is no websocket is told so first, as JSON',
  },
  {
    of: /(POST \/containers\/create|DELETE \/containers\/)\?name=odd|DELETE \/containers\/odd/,
    at: WHOLE,
    because: 'what is behind the JSON, or names a container that is not there, is refused at once',
  },
  {
    of: /POST \/containers\/create\?platform/,
    at: WHOLE,
    because: 'the host has one platform; the text says which',
  },
  {
    of: /POST \/containers\/create$/,
    at: /^body\.message$/,
    where: (theirs) => /command specified|Config cannot be empty/.test(String(theirs)),
    because: 'there is no container without an image',
  },
  {
    of: /POST \/containers\/k1\/update/,
    at: /^(status|body\.message)$/,
    because: 'what is set already is looked at first',
  },
  { of: /POST .*condition=nosuch/, at: WHOLE, because: 'since 23 a condition that is none is refused' },
  { of: LIST, at: /^status$/, where: (_theirs, ours) => ours === 404, because: 'since 23 it is not found' },
  { of: /GET .*publish%22%3A%5B%22x/, at: WHOLE, because: 'no port is x' },
  { of: /DELETE .*link=1/, at: WHOLE, because: 'there are no links but those of networks' },
  {
    of: /POST \/(containers\/k1\/exec|exec\/(\{e1\}|nosuch)\/)/,
    at: WHOLE,
    because: 'what is not there is looked for first',
  },
  {
    of: /(POST|DELETE) \/networks\/(create|x)/,
    at: WHOLE,
    because: 'since 25 and 28 networks are checked whole',
  },
  {
    of: /GET \/events.*(volume|image)%22%5D%7D/,
    at: /^body/,
    because: 'what was there is not made again, what is pruned is destroyed, and names of images are whole',
  },
  { of: /GET \/events.*front/, at: /^body/, because: 'dockerd tells twice of one end' },
  { of: /GET \/events.*prune/, at: /^body/, because: 'there is no builder yet' },
  {
    of: /POST \/networks\/(inner|host)\/(dis)?connect/,
    at: WHOLE,
    because: 'since 28 an address is checked at once',
  },
  { of: /GET \/images\/json.*reference/, at: WHOLE, because: 'a pattern that is none matches nothing' },
  { of: /GET \/images\/get$/, at: WHOLE, because: 'an archive of nothing is refused' },
  { of: /POST \/images\/nosuch\/push/, at: WHOLE, because: 'since 23 a push needs no credentials' },
];

const MOUNTS: readonly Explanation[] = [
  {
    of: /GET \/containers\/m-(mount-)?bind(-ro)?\/json/,
    at: /^body\.Mounts\.0\.Propagation$/,
    because: "dockerd's own mounts are below /tmp here, and go on in a bind of it; we have none on the host",
  },
  {
    of: /(POST|GET|DELETE) \/containers\/(create\?name=)?m-mount-bind-none/,
    at: WHOLE,
    because: 'the source may never answer: the start looks for it, with the same text',
  },
  {
    of: /POST \/containers\/create\?name=m-mount-(bind|volume)-wrong/,
    at: /^body\.message$/,
    because: 'since 23 the API tells it first, in these words',
  },
];

/** Where we differ from Debian's dockerd 20.10, and why. */
export const EXPLAINED: readonly Explanation[] = [
  ...HEADERS,
  ...MOUNTS,
  ...ANSWERS,
  ...ERRORS,
  ...SYSTEM,
  ...CONTAINERS,
  ...IMAGES,
  ...NETWORKS,
];
