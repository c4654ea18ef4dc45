import { openLibrary } from './client.ts';

const snapshotter = 'overlayfs';
const IMAGE = 'docker.io/library/busybox:latest';
const SPEC = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';

/** What `nerdctl run` asks for, with an image that is there, unpacked under `parent`; `spec` is the container's. */
export async function runLikeNerdctl(
  address: string,
  namespace: string,
  { parent, spec, output }: { readonly parent: string; readonly spec: string; readonly output: string },
): Promise<unknown> {
  const library = openLibrary(address, namespace);
  const { containers, images, leases, snapshots, tasks } = library;
  const id = 'a'.repeat(64);
  const { images: found } = await images.list({
    filters: [`name==${IMAGE}`, `target.digest~=^sha256:busybox.*$`],
  });
  const names = await containers.list({ filters: ['labels."nerdctl/name"==box', 'id~=^box.*$'] });
  const { lease } = await leases.create({ labels: { 'containerd.io/gc.expire': '2100-01-01T00:00:00Z' } });
  const held = openLibrary(address, namespace, lease?.id ?? '');
  await held.snapshots.prepare({ snapshotter, key: id, parent, labels: { 'nerdctl/test': 'x' } });
  const made = await held.containers.create({
    container: {
      ...{ id, image: IMAGE, snapshotter, snapshotKey: id },
      labels: {
        'nerdctl/name': 'box',
        'nerdctl/namespace': namespace,
        'nerdctl/log-uri': `file://${output}`,
      },
      runtime: { name: 'io.containerd.runc.v2' },
      spec: { typeUrl: SPEC, value: Buffer.from(spec) },
      extensions: { 'nerdctl/hostname': { typeUrl: 'x.y.Z', value: Buffer.from('{}') } },
    },
  });
  await leases.delete({ id: lease?.id ?? '' });
  const { mounts: rootfs } = await snapshots.mounts({ snapshotter, key: id });
  const stdio = { stdin: '', stdout: `file://${output}`, stderr: `file://${output}`, terminal: false };
  await tasks.create({ containerId: id, rootfs, ...stdio });
  const exited = tasks.wait({ containerId: id });
  await tasks.start({ containerId: id });
  const { process } = await tasks.get({ containerId: id });
  await containers.update({
    container: { id, labels: { 'nerdctl/status': 'up' } },
    updateMask: { paths: ['labels.nerdctl/status'] },
  });
  const listed = await containers.list({ filters: ['labels."nerdctl/name"==box'] });
  const { exitStatus } = await exited;
  await tasks.delete({ containerId: id });
  await containers.delete({ id });
  await snapshots.remove({ snapshotter, key: id });
  return {
    found: found.map(({ name }) => name),
    names: names.containers.length,
    made: [made.container?.labels, made.container?.extensions['nerdctl/hostname']?.typeUrl],
    isTask: (process?.pid ?? 0) > 0,
    listed: listed.containers.map(({ labels }) => labels),
    exitStatus,
  };
}
