import { readFileSync } from 'node:fs';

/** The units of systemd (man 5 systemd.service, systemd.socket) that `make install` places below `<prefix>/lib/systemd/system`. */
export const units: Readonly<Record<string, (prefix: string) => string>> = {
  'wherry.service': (prefix) =>
    lines(
      '[Unit]',
      'Description=Wherry container engine',
      'After=network-online.target wherry.socket',
      'Wants=network-online.target',
      'Requires=wherry.socket',
      '',
      '[Service]',
      'Type=notify',
      `ExecStart=${prefix}/bin/wherryd -H fd://`,
      'ExecReload=/bin/kill -s HUP $MAINPID',
      'Restart=always',
      'RestartSec=1',
      '# Containers and their shims outlive the daemon.',
      'KillMode=process',
      'Delegate=yes',
      'TasksMax=infinity',
      'LimitNOFILE=1048576',
      'OOMScoreAdjust=-500',
      '',
      '[Install]',
      'WantedBy=multi-user.target',
    ),
  'wherry.socket': () =>
    lines(
      '[Unit]',
      "Description=Socket of Wherry's Docker Engine API",
      '',
      '[Socket]',
      'ListenStream=/run/wherry.sock',
      'SocketMode=0660',
      'SocketUser=root',
      `SocketGroup=${socketGroup()}`,
      '',
      '[Install]',
      'WantedBy=sockets.target',
    ),
};

/** systemd starts no socket of a group that is not there: the one that the daemon itself would take on this host. */
function socketGroup(): string {
  const groups = readFileSync('/etc/group', 'utf8');
  return ['wherry', 'docker'].find((name) => new RegExp(`^${name}:`, 'm').test(groups)) ?? 'root';
}

const lines = (...each: readonly string[]): string => `${each.join('\n')}\n`;
