import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CREATE_REQUESTS } from '../lib/create-requests.ts';
import { rest, type Answer } from '../lib/rest.ts';
import { besideSuite } from '../lib/suite.ts';

/** Where we differ from Debian's dockerd 20.10, and why; `of` and `at` are matched from the beginning. */
const EXPLAINED: readonly { readonly of?: string; readonly at: string; readonly because: string }[] = [
  { at: 'Id', because: 'it is random' },
  { at: 'Created', because: 'time goes on' },
  { at: 'Image', because: 'a daemon with another root' },
  ...['ResolvConfPath', 'HostnamePath', 'HostsPath', 'LogPath', 'GraphDriver'].map((at) => ({
    at,
    because: 'it is below the data root',
  })),
  { at: 'Config.Hostname', because: 'it is the id, unless it is given' },
  { at: 'NetworkSettings', because: 'networks have ids, and newer versions more fields' },
  { at: 'HostConfig.NetworkMode', because: 'since 28 the default network is named at once' },
  { at: 'HostConfig.RestartPolicy.Name', because: 'since 25 no policy is named so' },
  { at: 'HostConfig.Runtime', because: 'since 23 the default runtime is always named' },
  { at: 'HostConfig.KernelMemory', because: 'since 28 it is left out when it is 0, as that of TCP' },
  { at: 'HostConfig.MaskedPaths', because: 'newer lists are longer' },
  { at: 'HostConfig.PortBindings', because: 'it is the map that clients send, also when they send none' },
  { of: 'blkio', at: 'HostConfig.BlkioWeight', because: 'BFQ has weights, which dockerd does not look for' },
  { of: 'blkio', at: 'Warnings', because: 'the same' },
  { of: 'binds', at: 'Mounts', because: "a bind that holds dockerd's root becomes a slave" },
  { of: 'mounts', at: 'Mounts', because: 'the same' },
  { of: 'autoremove', at: 'HostConfig.ConsoleSize', because: 'since 23 it is of API 1.42' },
  { of: 'cgparent', at: 'Warnings', because: 'what is ignored is told' },
  { of: 'kernelmem', at: 'Warnings', because: 'since 23 nobody is warned of it' },
];

/** What dockerd takes on xfs with project quotas alone. */
const ACCEPTED = ['bad12'];
/** Where newer versions refuse at create what 20.10 refuses later, or with another code or text. */
const REFUSED: Readonly<Record<string, string>> = {
  bad1: 'invalid IPC mode: zzz',
  bad2: 'invalid PID mode: zzz',
  bad3: 'invalid UTS mode: zzz',
  bad5: 'invalid --security-opt 2: "x=y"',
  bad6: 'invalid --security-opt 1: "x"',
  bad7: 'invalid option: QoS maximum IOPs configuration is not supported on linux',
  bad8: "invalid isolation (hyperv): linux only supports 'default'",
  bad9: 'unknown or invalid runtime name: zzz',
  bad10: 'invalid CPU shares (-1): value must be a positive integer',
  bad17: 'cpu real-time runtime cannot be higher than cpu real-time period',
  bad21: "invalid device cgroup rule format: 'foo'",
  userns: 'invalid USER mode: foo',
  cgroup: 'invalid HostConfig.Cgroup "x": a container has a cgroup of its own',
};

/** The last version that 20.10 speaks. */
const VERSION = 'v1.41';

besideSuite('create and inspect beside dockerd', (daemons) => {
  const both = (method: string, call: { path: string; body?: unknown }): Promise<Answer[]> =>
    Promise.all(daemons().map(({ socket }) => rest(socket, method, call)));

  for (const [name, request] of Object.entries(CREATE_REQUESTS)) {
    test(name, async () => {
      const body = { Image: 'busybox', ...request };
      const answers = await both('POST', { path: `/${VERSION}/containers/create?name=${name}`, body });
      const [theirs, ours] = answers as [Answer, Answer];
      const refused = REFUSED[name];
      if (refused !== undefined) {
        assert.deepEqual([ours.status, ours.json()], [400, { message: refused }]);
        return;
      }
      if (ACCEPTED.includes(name)) {
        assert.deepEqual([theirs.status, ours.status], [500, 201]);
        return;
      }
      assert.deepEqual(
        [ours.status, ours.status === 201 || ours.json()],
        [theirs.status, theirs.status === 201 || theirs.json()],
      );
      if (theirs.status !== 201) return;
      const shown = await both('GET', { path: `/${VERSION}/containers/${name}/json` });
      const [documentTheirs, documentOurs] = [...shown.entries()].map(([index, answer]) => ({
        ...answer.json<object>(),
        Warnings: answers[index]?.json<{ Warnings: unknown }>().Warnings,
      }));
      const found = differences(documentTheirs, documentOurs, '').filter(
        ({ at }) => !EXPLAINED.some((each) => at.startsWith(each.at) && (each.of ?? name) === name),
      );
      assert.deepEqual(found, []);
    });
  }
});

interface Difference {
  readonly at: string;
  readonly theirs: unknown;
  readonly ours: unknown;
}

/** Field by field; lists as a whole. */
function differences(theirs: unknown, ours: unknown, at: string): Difference[] {
  if (isMap(theirs) && isMap(ours)) {
    const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
    return [...keys].flatMap((key) => differences(theirs[key], ours[key], at === '' ? key : `${at}.${key}`));
  }
  return JSON.stringify(theirs) === JSON.stringify(ours) ? [] : [{ at, theirs, ours }];
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
