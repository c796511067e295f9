import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastWords } from '../../src/resources/start.ts';

const LOG = `[ob] start networking
Configuring network interfaces...
[ob] networking exit 0
[ob] start httpd
reading /etc/httpd.conf

  line 3: no such module
  line 4: no such port
giving up
[ob] httpd exit 1
[ob] start cron
[ob] cron exit 1
`;

test('the last words of an entry are its own last three lines, without blank ones', () => {
  assert.equal(lastWords(LOG, 'httpd'), 'line 3: no such module | line 4: no such port | giving up');
  assert.equal(lastWords(LOG, 'networking'), 'Configuring network interfaces...');
});

test('who said nothing, or is not in the log, has no last words', () => {
  assert.equal(lastWords(LOG, 'cron'), '');
  assert.equal(lastWords(LOG, 'http'), '');
  assert.equal(lastWords('', 'httpd'), '');
});

test('of several runs the last one counts, though it may not have ended', () => {
  assert.equal(lastWords(`${LOG}[ob] start httpd\nonce more\n`, 'httpd'), 'once more');
});

test('a path is a name like any other', () => {
  assert.equal(lastWords('[ob] start /srv/web\nno\n[ob] /srv/web exit 3\n', '/srv/web'), 'no');
});
