import assert from 'node:assert/strict';
import { copyFileSync, existsSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { linesOf } from '../cli/helpers.ts';
import { createMachine, FIXTURES, noLive, type TestMachine } from '../machine.ts';
import { assertSame, snapshot } from '../snapshot.ts';
import { giveIfupdown } from './ifupdown.ts';
import { fetchPackages } from './packages.ts';
import { textOf } from './rig.ts';

// The third example of overlay-boot(8), run from its file: a mail server of Debian's packages, which are installed inside.

const WANTED = ['inetutils-syslogd', 'ifupdown', 'openssh-server', 'sasl2-bin', 'postfix', 'dovecot-imapd'];
const POSTFIX = '/usr/sbin/postfix';
const had = existsSync(POSTFIX);
const SERVICES = ['inetutils-syslogd', 'networking', 'ssh', 'saslauthd', 'postfix', 'dovecot'];
const BASE = '/mnt/subhost/mta';
const CONF = `${BASE}/mta.conf`;
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const DIALOGUE = fileURLToPath(new URL('dialogue.ts', import.meta.url));

/** What is there before it first starts: its own network configuration, and no services that packages start. */
const PREPARE = `set -e
  mkdir -p ${BASE}/root/etc/network ${BASE}/root/usr/sbin
  printf 'auto lo eth0\\niface lo inet loopback\\niface eth0 inet static\\n  address 10.77.0.2/24\\n' >${BASE}/root/etc/network/interfaces
  printf '#!/bin/sh\\nexit 101\\n' >${BASE}/root/usr/sbin/policy-rc.d
  chmod 755 ${BASE}/root/usr/sbin/policy-rc.d`;

/** Without an index of manual pages, which takes as long as all else. */
const INSTALL = `set -e
  export DEBIAN_FRONTEND=noninteractive
  rm -f /var/lib/man-db/auto-update
  dpkg --force-unsafe-io -i /mnt/packages/*.deb
  useradd --create-home guest
  echo guest:secret | chpasswd
  adduser --quiet postfix sasl
  echo START=yes >>/etc/default/saslauthd
  printf 'pwcheck_method: saslauthd\\nmech_list: PLAIN\\n' >/etc/postfix/sasl/smtpd.conf
  postconf -e myhostname=mta.test mydestination=mta.test home_mailbox=Maildir/ smtpd_sasl_auth_enable=yes
  postconf -e mynetworks=127.0.0.0/8 inet_protocols=ipv4
  postconf -F smtp/inet/chroot=n
  sed -i 's/^ssl_/#&/' /etc/dovecot/conf.d/10-ssl.conf
  printf 'ssl = no\\ndisable_plaintext_auth = no\\nmail_location = maildir:~/Maildir\\n' >/etc/dovecot/local.conf`;

async function succeed(machine: TestMachine, ...words: string[]): Promise<string> {
  const ran = await machine.ob(...words);
  assert.equal(ran.code, 0, `ob ${words.slice(0, 3).join(' ')}: ${textOf(ran)}`);
  return ran.stdout;
}

/** Over the cable, from the machine. Gives what the server said. */
async function talk(machine: TestMachine, port: number, steps: readonly (readonly [awaited: string, line: string])[]): Promise<string> {
  const input = JSON.stringify(steps);
  const ran = await machine.run(process.execPath, ['--import', 'tsx', DIALOGUE, '10.77.0.2', String(port)], { input, cwd: CHECKOUT });
  assert.equal(ran.code, 0, textOf(ran));
  return ran.stdout;
}

function sendMail(machine: TestMachine, text: string): Promise<string> {
  const login = Buffer.from('\0guest\0secret').toString('base64');
  return talk(machine, 25, [
    ['^220 mta.test', 'EHLO machine.test'],
    ['^250 ', `AUTH PLAIN ${login}`],
    ['^235 ', 'MAIL FROM:<admin@machine.test>'],
    ['^250 ', 'RCPT TO:<guest@mta.test>'],
    ['^250 ', 'DATA'],
    ['^354 ', `Subject: over the cable\r\n\r\n${text}\r\n.`],
    ['^250 .*queued', 'QUIT'],
  ]);
}

const SENT = `timeout 100 sh -c 'until grep -s "postfix/local.*status=sent" ${BASE}/live/var/log/mail.log; do sleep 0.05; done'`;

async function readMail(machine: TestMachine): Promise<string> {
  // Who has sent a mail does not know when it is delivered, but syslog does.
  await machine.sh(SENT);
  return talk(machine, 143, [
    ['^\\* OK', 'a LOGIN guest secret'],
    ['^a OK', 'b SELECT INBOX'],
    ['^b OK', 'c FETCH 1 BODY[]'],
    ['^c OK', 'd LOGOUT'],
  ]);
}

/** From here on each service writes down that it is told to stop. */
const TELL_STOPS = `set -e
  for name in ${SERVICES.join(' ')}; do
    sed -i "2i [ \\$1 != stop ] || echo $name >>/stops" ${BASE}/live/etc/init.d/$name
  done`;

/** Installs what it needs from inside, as an administrator would, while it starts nothing yet. */
async function install(machine: TestMachine, files: readonly string[]): Promise<void> {
  const conf = machine.read(CONF);
  await machine.sh(`${PREPARE}; mkdir /mnt/packages`);
  for (const file of files) copyFileSync(file, `/proc/${machine.pid}/root/mnt/packages/${basename(file)}`);
  machine.write(CONF, conf.replace(/^START=.*/m, 'START= none'));
  assert.doesNotMatch(await succeed(machine, 'apply', CONF), /note:/, 'ifup mta0 succeeds');
  await succeed(machine, 'share', 'mta', '/mnt/packages:ro');
  await succeed(machine, 'exec', 'mta', '--', 'sh', '-c', INSTALL);
  machine.write(CONF, conf);
}

test('the mail server takes a mail by SMTP and gives it out by IMAP', { skip: noLive }, async (t) => {
  const packages = fetchPackages('mta', WANTED);
  if ('lacking' in packages) return t.skip(packages.lacking);
  const machine = await createMachine(t);
  const seen = (): Promise<string[]> => snapshot({ root: `/proc/${machine.pid}/root`, run: machine.run });
  await giveIfupdown(machine, packages, 'iface mta0 inet static\n  address 10.77.0.1/24\n');
  await machine.sh(`mkdir /mnt/subhost && cp -r '${FIXTURES}/overlay-boot/mta' ${BASE}`);
  const before = await seen();
  await install(machine, packages.files);

  await succeed(machine, 'apply', CONF);
  assert.match(await succeed(machine, 'plan', CONF), /^Nothing to do/);
  const [status] = JSON.parse(await succeed(machine, 'status', '--json', CONF));
  assert.deepEqual(
    status.services,
    SERVICES.map((name) => ({ name, state: 'started' })),
  );
  assert.match(await talk(machine, 22, [['^SSH-2.0-', '']]), /^SSH-2\.0-OpenSSH/);

  await sendMail(machine, 'Greetings to the subhost.');
  const mail = await readMail(machine);
  assert.match(mail, /^Received: from machine\.test \(unknown \[10\.77\.0\.1\]\)/m);
  assert.match(mail, /^Subject: over the cable\r\n[\s\S]*^Greetings to the subhost\.\r$/m);

  await t.test('it stops in reverse order, and has its mail when it is started again', async () => {
    await machine.sh(TELL_STOPS);
    await succeed(machine, 'stop', 'mta');
    assert.deepEqual(linesOf(machine.read(`${BASE}/root/stops`)), SERVICES.toReversed());
    await succeed(machine, 'start', 'mta', '--file', CONF);
    assert.match(await readMail(machine), /^Greetings to the subhost\.\r$/m);
  });

  await t.test('nothing of it is left, and nothing was installed but in it', async () => {
    await succeed(machine, 'destroy', CONF);
    // ifupdown keeps its files, with nothing of the cable in them.
    assert.equal(await machine.sh('cat /run/network/ifstate*; rm -r /run/network'), '');
    assertSame(await seen(), before, 'something is left');
    assert.equal(await machine.sh(`ls ${BASE}/root${POSTFIX}`), `${BASE}/root${POSTFIX}`);
    assert.equal(existsSync(POSTFIX), had);
  });
});
