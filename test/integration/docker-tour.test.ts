import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { daemonSuite } from '../lib/suite.ts';

/** A command line for docker, what it prints (both streams; a string means all of it), and its exit code. */
type Step = readonly [command: string, said: RegExp | string, code?: number];

const ID = /^[0-9a-f]{64}$/;
/** Docker's words for what is not there. */
const NO = /Error response from daemon: No such container: nobody/;

const TOURS: Readonly<Record<string, readonly Step[]>> = {
  'container: from create to rm': [
    [
      'container create --name c1 --label tier=web --env A=b --workdir /tmp --hostname boat busybox sleep 1000',
      ID,
    ],
    ['container create --name c1 busybox', /Conflict. The container name "\/c1" is already in use/, 1],
    ['container ls --all --format {{.Names}}:{{.Status}}:{{.Command}} --no-trunc', 'c1:Created:"sleep 1000"'],
    ['container start c1', 'c1'],
    ['container start c1 nobody', /c1[^]*No such container: nobody/, 1],
    ['container exec c1 sh -c "echo $A; pwd; hostname"', 'b\n/tmp\nboat'],
    ['container exec --env X=y --workdir / --user 7:8 c1 sh -c "echo $X; pwd; id -u; id -g"', 'y\n/\n7\n8'],
    ['container exec c1 sh -c "exit 9"', '', 9],
    ['container exec c1 nothing', /exec: "nothing": executable file not found/, 127],
    ['container exec --detach c1 touch /tmp/there', ''],
    ['container top c1 -o pid,comm', /^PID +COMMAND\n\d+ +sleep$/],
    ['container stats --no-stream --format {{.Name}}:{{.PIDs}} c1', 'c1:1'],
    ['container pause c1', 'c1'],
    ['container exec c1 true', /is paused, unpause the container before exec/, 1],
    ['container ls --filter status=paused --format {{.Status}}', /\(Paused\)$/],
    ['container unpause c1', 'c1'],
    ['container unpause c1', /is not paused/, 1],
    ['container update --memory 64m --memory-swap 64m --cpus 0.5 --restart always c1', 'c1'],
    [
      'container inspect --format {{.HostConfig.Memory}}/{{.HostConfig.NanoCpus}}/{{.HostConfig.RestartPolicy.Name}} c1',
      '67108864/500000000/always',
    ],
    ['container rename c1 c2', ''],
    ['container restart --timeout 0 c2', 'c2'],
    ['container rm c2', /container is running: stop the container before removing or force remove/, 1],
    ['container stop --signal KILL c2', 'c2'],
    ['container wait c2', '137'],
    ['container diff c2', /^C \/tmp\nA \/tmp\/there$/],
    ['container inspect --size --format {{.SizeRw}} c2', /^\d+$/],
    ['container ls -aqn 1', /^[0-9a-f]{12}$/],
    [
      'container ls -a --filter label=tier=web --filter exited=137 --filter ancestor=busybox --format {{.Label "tier"}}',
      'web',
    ],
    ['container kill c2', /is not running/, 1],
    ['container rm --volumes c2', 'c2'],
    ['container rm c2', /No such container: c2/, 1],
    ['container inspect nobody', /\[\]\nError response from daemon: No such container: nobody/, 1],
    ['container logs nobody', NO, 1],
    ['container attach nobody', /No such container: nobody/, 1],
    ['container port nobody', NO, 1],
    ['container prune --force', 'Total reclaimed space: 0B'],
  ],
  'container: run, logs, attach, port and commit': [
    ['run --rm busybox sh -c "echo out; echo err >&2; exit 3"', /^out\nerr$|^err\nout$/, 3],
    ['run --rm nothing:here', /Unable to find image 'nothing:here' locally/, 125],
    ['run --rm busybox nothing', /exec: "nothing": executable file not found in \$PATH/, 127],
    ['run --rm busybox /etc', /is a directory|permission denied/, 126],
    ['run --rm --memory 1 busybox', /Minimum memory limit allowed is 6MB/, 125],
    ['run --rm -v relative/path:/x busybox', /includes invalid characters for a local volume name/, 125],
    ['run --rm --network nowhere busybox', /network nowhere not found/, 125],
    ['run --rm --entrypoint echo --read-only --init busybox hello there', 'hello there'],
    ['run --rm --user 7 --group-add 9 busybox id', 'uid=7 gid=0(root) groups=0(root),9'],
    [
      'run --rm --ulimit nofile=77:88 --sysctl net.core.somaxconn=99 busybox sh -c "ulimit -n; cat /proc/sys/net/core/somaxconn"',
      '77\n99',
    ],
    [
      'run --rm --tmpfs /t:size=1m --shm-size 2m busybox sh -c "df -k /t /dev/shm | grep -Eo [0-9]+ | grep -E 1024\\|2048 | sort -u"',
      '1024\n2048',
    ],
    ['run --rm --cap-drop ALL --cap-add CHOWN busybox grep CapEff /proc/self/status', /0000000000000001$/],
    [
      'run --rm --add-host far:10.1.2.3 --dns 10.9.9.9 --dns-search sea busybox cat /etc/resolv.conf',
      /nameserver 10.9.9.9\nsearch sea/,
    ],
    ['run --rm --network none busybox ls /sys/class/net', 'lo'],
    [
      'run --detach --name r1 --publish 127.0.0.1:18081:80 --expose 81 --log-opt max-size=1m busybox sh -c "echo one; echo two; exec sleep 1000"',
      ID,
    ],
    ['port r1', '80/tcp -> 127.0.0.1:18081'],
    ['port r1 80/tcp', '127.0.0.1:18081'],
    ['port r1 81', "Error: No public port '81' published for r1", 1],
    ['logs --tail 1 r1', 'two'],
    ['logs --timestamps --since 1h r1', /^\d{4}-\d\d-\d\dT[\d:.]+Z one\n/],
    ['logs --details --until 1h r1', ''],
    ['inspect --type container --format {{.State.Status}} r1', 'running'],
    ['inspect --format {{json}} r1', /template parsing error/, 1],
    [
      'commit --author me --message text --change "ENV K=v" --change "CMD env" r1 made:one',
      /^sha256:[0-9a-f]{64}$/,
    ],
    ['run --rm made:one', /^K=v$/m],
    ['history --format {{.CreatedBy}}:{{.Comment}} made:one', /^[^\n]*:text\n/],
    ['kill --signal TERM r1', 'r1'],
    ['rm --force r1 nobody', /^r1\n?(Error response from daemon: No such container: nobody)?$/],
    ['rmi made:one', /^Untagged: made:one\nDeleted: sha256:/],
  ],
  'image and save, load, import, export': [
    ['images --format {{.Repository}}:{{.Tag}}', 'busybox:latest'],
    ['image ls --quiet --no-trunc', /^sha256:[0-9a-f]{64}$/],
    ['image ls --filter reference=none', /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/],
    ['image tag busybox boat:one', ''],
    ['image tag nobody boat:two', /No such image: nobody:latest/, 1],
    ['image tag busybox BAD', /repository name \(library\/BAD\) must be lowercase/, 1],
    ['image inspect --format {{.Os}}/{{.RepoTags}} boat:one', /^linux\/\[boat:one busybox:latest\]$/],
    ['image history --quiet boat:one', /^[0-9a-f]{12}|<missing>/],
    ['image save --output @/saved.tar boat:one', ''],
    ['image rm boat:one', 'Untagged: boat:one'],
    ['image load --input @/saved.tar', 'Loaded image: boat:one'],
    ['image rm --no-prune boat:one nobody', /Untagged: boat:one[^]*No such image: nobody/, 1],
    ['create --name e1 busybox', ID],
    ['export --output @/root.tar e1', ''],
    ['import --message text --change "CMD echo imported" @/root.tar flat:one', /^sha256:[0-9a-f]{64}$/],
    ['run --rm flat:one', 'imported'],
    ['image rm busybox', /conflict: unable to (remove repository reference "busybox"|delete)/, 1],
    ['image rm flat:one', /^Untagged: flat:one\nDeleted: /],
    ['cp e1:/bin/busybox @/busybox', /^(Successfully copied [\d.]+MB to .*)?$/],
    ['cp @/busybox e1:/bin/again', /^(Successfully copied .*)?$/],
    ['cp e1:/nowhere @/x', /Could not find the file \/nowhere in container e1/, 1],
    ['diff e1', /^C \/bin\nA \/bin\/again$/],
    ['rm e1', 'e1'],
    ['image prune --force', 'Total reclaimed space: 0B'],
    ['pull 127.0.0.1:1/none', /refused/i, 1],
    ['push boat', /The push refers to repository|does not exist locally/, 1],
  ],
  'network and volume': [
    [
      'network create --driver bridge --subnet 10.95.0.0/24 --ip-range 10.95.0.128/25 --gateway 10.95.0.1 --label l=1 --internal reef',
      ID,
    ],
    ['network create reef', /network with name reef already exists/, 1],
    [
      'network ls --filter label=l=1 --format {{.Name}}:{{.Driver}}:{{.Scope}}:{{.Internal}}',
      'reef:bridge:local:true',
    ],
    ['network inspect --format {{index}} reef', /template parsing error/, 1],
    [
      'network inspect --format "{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}" reef',
      '10.95.0.0/24 10.95.0.1',
    ],
    ['run --detach --name n1 --network reef --network-alias fish busybox sleep 1000', ID],
    ['run --detach --name n2 busybox sleep 1000', ID],
    ['network connect --ip 10.95.0.200 --alias shark reef n2', ''],
    ['network connect reef n2', /endpoint with name n2 already exists in network reef/, 1],
    ['exec n1 ping -c 1 -W 9 shark', /1 packets received/],
    ['exec n2 ping -c 1 -W 9 fish', /1 packets received/],
    ['network rm reef', /has active endpoints/, 1],
    ['network disconnect reef n2', ''],
    ['network disconnect --force reef nobody', /endpoint nobody not found/, 1],
    ['rm --force n1 n2', /^n1\nn2$/],
    ['network prune --force', 'Deleted Networks:\nreef'],
    ['network rm bridge', /bridge is a pre-defined network and cannot be removed/, 1],
    ['network inspect nowhere', /\[\]\nError response from daemon: network nowhere not found/, 1],
    ['volume create --label l=1 hold', 'hold'],
    ['volume create --driver nothing other', /nothing/, 1],
    ['volume ls --filter label=l=1 --quiet', 'hold'],
    ['volume inspect --format {{.Driver}}:{{.Scope}}:{{.Labels.l}} hold', 'local:local:1'],
    ['run --rm --volume hold:/v busybox sh -c "echo kept > /v/f"', ''],
    [
      'run --rm --mount type=volume,source=hold,target=/v,readonly busybox sh -c "cat /v/f; touch /v/g"',
      /kept\ntouch: .*Read-only file system/,
      1,
    ],
    ['create --name v1 --volume hold:/v busybox', ID],
    ['volume rm hold', /remove hold: volume is in use - \[[0-9a-f]{64}\]/, 1],
    ['rm --volumes v1', 'v1'],
    ['volume prune --force', 'Total reclaimed space: 0B'],
    ['volume prune --all --force', /Deleted Volumes:\nhold\n\nTotal reclaimed space: \d+B/],
    ['volume rm hold', /no such volume/, 1],
    ['volume rm --force hold', 'hold'],
  ],
  system: [
    ['version --format {{.Server.APIVersion}}', '1.51'],
    ['info --format {{.OSType}}:{{.Images}}:{{.Swarm.LocalNodeState}}', 'linux:1:inactive'],
    ['system info', /Server:\n[^]*Storage Driver: overlay2[^]*Cgroup Driver: [^]*Docker Root Dir: /],
    ['run --name s1 --label l=1 busybox true', ''],
    [
      'system df --format {{.Type}}:{{.TotalCount}}:{{.Active}}',
      'Images:1:1\nContainers:1:0\nLocal Volumes:0:0\nBuild Cache:0:0',
    ],
    ['system df --verbose', /Images space usage:\n[^]*Containers space usage:\n[^]*s1/],
    [
      'system events --since 1h --until -1s --filter container=s1 --format {{.Action}}',
      /^create\n(attach\n)?start\n(attach\n)?die$|create[^]*die/,
    ],
    ['events --since 1h --until 0s --filter event=oom', ''],
    ['system prune --force --filter label=l=2', 'Total reclaimed space: 0B'],
    [
      'system prune --force --volumes --filter label=l=1',
      /Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B/,
    ],
    ['plugin ls --quiet', ''],
    ['node ls', /This node is not a swarm manager/, 1],
    ['service ls', /This node is not a swarm manager/, 1],
    ['search --limit 0 x', /index.docker.io/, 1],
    ['login --username u --password p 127.0.0.1:1', /refused/i, 1],
    ['logout 127.0.0.1:1', /Not logged in to 127.0.0.1:1|Removing login/],
    ['context show', 'default'],
    ['builder prune --force', /.*/],
  ],
};

daemonSuite("docker's command line", (daemon) => {
  for (const [name, steps] of Object.entries(TOURS))
    test(name, async () => {
      const wrong: string[] = [];
      for (const [command, expected, code = 0] of steps) {
        const result = await daemon().docker(...words(command, daemon().directory));
        const said = (result.stdout + result.stderr).trimEnd();
        const fits = typeof expected === 'string' ? said === expected : expected.test(said);
        if (!fits || result.code !== code) wrong.push(`${command} ended with ${result.code}: ${said}`);
      }
      assert.deepEqual(wrong, []);
      for (const file of ['saved.tar', 'root.tar', 'busybox'])
        await rm(join(daemon().directory, file), { force: true });
    });
});

/** Between blanks or double quotes; `@` is the directory for files. */
const words = (command: string, directory: string): string[] =>
  [...command.matchAll(/\{\{.*?\}\}\S*|"([^"]*)"|\S+/g)].map(([word, quoted]) =>
    (quoted ?? word).replace(/^@/, directory),
  );
