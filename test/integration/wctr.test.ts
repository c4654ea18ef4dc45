import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { IMAGE, PAIRS } from '../lib/wctr.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox');

/** ctr and wctr do the same things to a daemon, and say the same of it. */
for (const [daemon, start] of Object.entries(PAIRS))
  describe(`wctr beside ctr, against ${daemon}`, NEEDS, () => {
    test('names: namespaces, images, leases, content, snapshots', async (t) => {
      const { same, archive, wctr } = await start(t);
      for (const command of [
        'images ls',
        `images import ${archive}`,
        'images ls',
        'i ls -q',
        'image check',
        'images ls name==nope',
        `images tag ${IMAGE} a/b:c`,
        `images tag ${IMAGE} a/b:c`,
        `images tag --force ${IMAGE} a/b:c`,
        'images label a/b:c x=y',
        'images rm a/b:c none',
        // What was only needed on the way goes.
        'leases create --id now',
        'leases rm --sync now',
        'content ls',
        'content ls -q',
        'content active',
        'content get sha256:00',
        `content get sha256:${'0'.repeat(64)}`,
        'snapshots ls',
        'snapshot tree',
        'snapshots usage -b',
        'snapshots info none',
        'snapshots rm none',
        'snapshots prepare -t /mnt empty',
        'snapshots view empty2 none',
        'snapshots commit done empty',
        'snapshots -snapshotter native ls',
        'snapshots rm done',
        'leases create --id l1 a=b',
        'leases ls',
        'leases rm l1',
        'leases rm l1',
        'leases ls -q',
        'plugins ls',
      ])
        await same(command);
      assert.equal((await wctr('namespaces', 'create', 'wctr-one', 'a=b', 'c=d')).code, 0);
      for (const command of ['ns create wctr-one', 'ns ls', 'ns create', 'ns create /bad', 'ns rm none'])
        await same(command);
      await wctr('ns', 'label', 'wctr-one', 'a=', 'e=f');
      assert.match((await wctr('ns', 'ls')).stdout, /^wctr-one +c=d,e=f $/m);
      assert.equal((await wctr('ns', 'rm', 'wctr-one')).stdout, 'wctr-one\n');
      for (const command of ['nope', 'tasks nope', 'run', `run ${IMAGE}`, 'containers info', 'images tag'])
        await same(command);
    });

    test('a container and its task: run, exec, kill, pause, ps, metrics, delete', async (t) => {
      const { same, archive, wctr, fifosOf } = await start(t);
      for (const command of [
        `images import ${archive}`,
        `run --rm ${IMAGE} c1 echo hello`,
        `run --rm ${IMAGE} c1 false`,
        `run --rm --env A=b --cwd /tmp --read-only --cap-drop CAP_CHOWN ${IMAGE} c1 env`,
        `run --rm --memory-limit 50000000 --cpus 0.5 --mount type=bind,src=/etc,dst=/host,options=rbind:ro ${IMAGE} c1 ls /host/hostname`,
        `run -d --label x=y --annotation q=r ${IMAGE} c1 sleep 1000`,
        `run -d ${IMAGE} c1 sleep 1000`,
        'run -d docker.io/library/none:latest c2 true',
        `run ${IMAGE} c2 none`,
        'c rm c2',
        'c ls',
        'c info c1',
        'c info --spec none',
        'c label c1 k=v',
        'c rm c1',
        't ls',
        't ps c1',
        't exec --exec-id e1 c1 ls /',
        't exec --exec-id e1 --user daemon --cwd /bin c1 id',
        't exec --exec-id e1 c1 false',
        't exec --exec-id e1 none ls',
        't exec -d --exec-id e2 c1 sleep 1000',
        't ps c1',
        't kill --exec-id e2 -s KILL c1',
        't rm --exec-id e2 c1',
        't pause c1',
        't ls',
        't resume c1',
        't rm c1',
      ])
        await same(command);
      assert.match(
        (await wctr('t', 'metrics', 'c1')).stdout,
        /^memory\.usage_in_bytes +[1-9]\d* +$|^memory\.usage +[1-9]/m,
      );
      assert.ok(
        'pids' in (JSON.parse((await wctr('t', 'metrics', '--format', 'json', 'c1')).stdout) as object),
      );
      await same('t kill -s KILL c1');
      await eventually('both have ended', async () => (await wctr('t', 'ls')).stdout.includes('STOPPED'));
      for (const command of [
        't ls',
        't ps c1',
        't rm c1',
        't rm c1',
        't kill c1',
        'snapshots ls',
        'c rm c1',
        'c rm c1',
      ])
        await same(command);
      // Nobody's FIFOs are left behind.
      const own = `fifos-${process.pid}`;
      for (const words of [
        ['run', '-d', IMAGE, own, 'sleep', '1000'],
        ['t', 'exec', '--exec-id', `${own}-exec`, own, 'true'],
        ['t', 'rm', '-f', own],
        ['c', 'rm', own],
      ])
        await wctr(...words);
      assert.equal(await fifosOf(own), '');
    });

    test('stdin reaches the process and ends, output comes whole', async (t) => {
      const { same, archive, wctr } = await start(t);
      await same(`images import ${archive}`);
      const much = 'a line of no meaning\n'.repeat(50_000);
      const { stdout } = await same(`run --rm ${IMAGE} c1 cat`, much);
      assert.equal(stdout.length, much.length);
      await same(`run -d ${IMAGE} c1 sleep 1000`);
      assert.equal((await same('t exec --exec-id e1 c1 cat', 'to the exec')).stdout, 'to the exec');
      assert.equal((await wctr('t', 'rm', '-f', 'c1')).code, 0);
    });
  });
