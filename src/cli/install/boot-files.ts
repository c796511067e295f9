import { headOf, type OwnFile } from './own-file.ts';
import { quoteForShell, quoteForUnit, toExec } from './quote.ts';

/** What runs, and on what: absolute names, since nothing else holds when a machine boots. PROGRAM is told by OB_NODE which Node to take. */
export interface Job {
  readonly scope: string;
  /** One, or any number of overlay-boot's. */
  readonly hostsFiles: readonly string[];
  readonly node: string;
  readonly program: string;
}

export const UNIT_FOLDER = '/etc/systemd/system';
export const INIT_FOLDER = '/etc/init.d';

/** How long the lock may be another's: at boot a run from cron, at shutdown one that is told to end. */
const START_LOCK_SECONDS = 600;
const STOP_LOCK_SECONDS = 120;

export function bootName(scope: string): string {
  return `ob-boot-${scope}`;
}

/** For the shutdown only the scope counts: the file may have been broken or moved since. */
function wordsOf({ scope, hostsFiles, program }: Job): { start: string[]; rest: string[]; stop: string[] } {
  const apply = [program, 'apply', '--lock-timeout', String(START_LOCK_SECONDS)];
  return {
    start: [...apply, ...hostsFiles],
    // Where something is in the way of one subhost, the first does nothing; this one leaves that alone for a while.
    rest: [...apply, '--quiet', ...hostsFiles],
    stop: [program, 'destroy', '--lock-timeout', String(STOP_LOCK_SECONDS), '--scope', scope, '--held'],
  };
}

export function bootUnit(job: Job): OwnFile {
  const { scope, hostsFiles, node, program } = job;
  const { start, rest, stop } = wordsOf(job);
  const text = `${headOf('boot', scope, hostsFiles)}
[Unit]
Description=Subhosts of scope ${scope}
After=network.target local-fs.target remote-fs.target
RequiresMountsFor=${[...hostsFiles, program].map(quoteForUnit).join(' ')}
# Down in the opposite order: what could bring a subhost up again ends first.
Before=cron.service ob-cron-${scope}.timer

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=${quoteForUnit(`OB_NODE=${node}`)}
# A subhost that did not come up (-) must not keep the others from being stopped in order later.
ExecStart=-${toExec(start)}
# Nor from coming up: what is in the way of one is left alone now.
ExecStart=-${toExec(rest)}
ExecReload=${toExec(start)}
ExecStop=${toExec(stop)}
# ob sets a limit to every single thing that it runs.
TimeoutStartSec=infinity
TimeoutStopSec=15min
# What ob runs is let finish when ob is told to end.
KillMode=mixed

[Install]
WantedBy=multi-user.target
`;
  return { path: `${UNIT_FOLDER}/${bootName(scope)}.service`, text, mode: 0o644 };
}

export function bootScript(job: Job): OwnFile {
  const { scope, hostsFiles, node, program } = job;
  const name = bootName(scope);
  const { start, rest, stop } = wordsOf(job);
  const line = (words: readonly string[]): string => words.map(quoteForShell).join(' ');
  const text = `#!/bin/sh
${headOf('boot', scope, hostsFiles)}### BEGIN INIT INFO
# Provides:          ${name}
# Required-Start:    $local_fs $network
# Required-Stop:     $local_fs $network
# Should-Start:      $remote_fs $syslog
# Should-Stop:       $remote_fs $syslog
# X-Start-Before:    cron
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Subhosts of scope ${scope}
# Description:       Brings up what the hosts file says, and stops it in order.
### END INIT INFO

for file in ${line([node, program])}; do
  [ -f "$file" ] || { echo "${name}: $file is not there" >&2; exit 5; }
done

export OB_NODE=${quoteForShell(node)}
# The console of a booting machine is no place to draw on.
start() { TERM=dumb ${line(start)} || { TERM=dumb ${line(rest)}; false; }; }
stop() { TERM=dumb ${line(stop)}; }

case "$1" in
  start | reload | force-reload) start ;;
  stop) stop ;;
  restart) stop && start ;;
  status)
    ${line([program, 'status', ...hostsFiles])}
    # LSB: 3 is "not running", 4 "cannot be known".
    case $? in 0) exit 0 ;; 1) exit 3 ;; *) exit 4 ;; esac
    ;;
  *)
    echo "Usage: $0 start|stop|restart|reload|force-reload|status" >&2
    exit 2
    ;;
esac
`;
  return { path: `${INIT_FOLDER}/${name}`, text, mode: 0o755 };
}
