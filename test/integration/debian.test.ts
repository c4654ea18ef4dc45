import assert from 'node:assert/strict';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exec, execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const CACHE = fileURLToPath(new URL('../../build/cache', import.meta.url));

/** A Debian root file system as a tar archive, made once and kept. */
async function debianTar(): Promise<string> {
  const tar = join(CACHE, 'debian-bookworm.tar');
  const present = await access(tar).then(
    () => true,
    () => false,
  );
  if (present) return tar;
  await mkdir(CACHE, { recursive: true });
  const root = join(CACHE, `root.${process.pid}`);
  const flags = ['--variant=minbase', '--no-check-gpg', 'bookworm', root];
  const made = await exec(['debootstrap', ...flags], { timeoutMs: 280_000 });
  assert.equal(made.code, 0, made.stdout + made.stderr);
  await execOk(['tar', 'cf', `${tar}.part`, '--numeric-owner', '--one-file-system', '-C', root, '.'], {
    timeoutMs: 120_000,
  });
  await rename(`${tar}.part`, tar);
  await rm(root, { recursive: true, force: true });
  return tar;
}

daemonSuite(
  'debian',
  (daemon) => {
    before(
      async () => {
        const archive = await imageOf(await debianTar(), daemon().directory);
        const loaded = await daemon().dockerOk('load', '-i', archive);
        await rm(archive);
        assert.match(loaded, /Loaded image: debian:bookworm/);
        await daemon().mark();
      },
      { timeout: 400_000 },
    );
    const run = (...args: string[]): Promise<string> =>
      daemon().dockerOk('run', '--rm', 'debian:bookworm', ...args);

    test('apt-get, dpkg, perl, bash', async () => {
      assert.match(await run('apt-get', '--version'), /^apt \d/);
      assert.match(await run('dpkg', '-l', 'libc6'), /libc6/);
      assert.equal(await run('perl', '-e', 'print join(",", map { $_ * 2 } 1..5)'), '2,4,6,8,10');
      assert.equal(await run('bash', '-c', 'declare -A m=([a]=1); echo ${m[a]}'), '1');
    });

    test('a process tree: parents, children, orphans', async () => {
      const script =
        'for i in 1 2 3; do (for j in 1 2 3; do sleep 4 & done; wait) & done; ' +
        'for n in {1..30}; do c=$(ls -d /proc/[0-9]* | wc -l); ((c < 13)) || break; sleep 0.1; done; echo $c; wait; echo done';
      const [count, last] = (await run('bash', '-c', script)).split('\n');
      assert.ok(Number(count) >= 13, `${count} processes`);
      assert.equal(last, 'done');
    });

    test('files of many owners and modes are as the archive has them', async () => {
      const script = 'stat -c "%n %U:%G %a" /etc/shadow /usr/bin/chage /tmp /var/mail /root /usr/bin/passwd';
      assert.deepEqual((await run('sh', '-c', script)).split('\n'), [
        '/etc/shadow root:shadow 640',
        '/usr/bin/chage root:shadow 2755',
        '/tmp root:root 1777',
        '/var/mail root:mail 2775',
        '/root root:root 700',
        '/usr/bin/passwd root:root 4755',
      ]);
    });

    test('what is deleted and written stays in the container', async () => {
      const script =
        'rm -rf /usr/share/doc; echo mine > /etc/issue; mv /etc/apt /etc/apt2; ls /etc/apt2 | wc -l';
      assert.notEqual(await run('sh', '-c', script), '0');
      assert.match(
        await run('sh', '-c', 'cat /etc/issue; ls -d /usr/share/doc /etc/apt'),
        /^Debian[^]*\/etc\/apt\n\/usr\/share\/doc$/,
      );
    });

    test('a user of the image, by name and number', async () => {
      const out = await daemon().dockerOk('run', '--rm', '-u', 'www-data', 'debian:bookworm', 'id');
      assert.equal(out, 'uid=33(www-data) gid=33(www-data) groups=33(www-data)');
    });
  },
  { needs: ['debootstrap'] },
);

/** Wraps a root file system as a docker archive. */
async function imageOf(layer: string, directory: string): Promise<string> {
  const stage = join(directory, 'image');
  await mkdir(stage);
  const script = `
set -eu
cp --reflink=auto "$1" layer.tar
digest=$(sha256sum layer.tar | cut -d' ' -f1)
printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["bash"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$(dpkg --print-architecture)" "$digest" > config.json
printf '[{"Config":"config.json","RepoTags":["debian:bookworm"],"Layers":["layer.tar"]}]' > manifest.json
tar cf ../image.tar manifest.json config.json layer.tar`;
  await execOk(['sh', '-c', script, 'sh', layer], { cwd: stage, timeoutMs: 120_000 });
  await rm(stage, { recursive: true });
  return join(directory, 'image.tar');
}
