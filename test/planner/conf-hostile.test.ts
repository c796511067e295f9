import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfs } from '../../src/planner/conf/parse.ts';
import { toHostsFile } from '../../src/planner/hosts/read.ts';
import { messageOf } from '../../src/resources/error.ts';
import { HOSTILE } from './conf-corpus.ts';

/** A machine that has the directories of Debian; /proc is a filesystem of its own. */
const FACTS = {
  realPath: (path: string) => path,
  deviceOf: (path: string) => (path.startsWith('/proc') ? 2 : 1),
  whatIs: (path: string) => (/^\/(srv|usr)?$/.test(path) ? 'directory' : 'nothing'),
  bridges: new Set<string>(),
};

/** No step of reading needs more than a pass over the text. */
const LIMIT_MS = 5000;

for (const [name, { conf, refused, means, warned }] of Object.entries(HOSTILE))
  test(`${name}: ${refused ? 'refused' : 'taken as it stands'}`, () => {
    const begin = performance.now();
    const { node, warnings, problems } = parseConfs([{ path: '/mnt/opt/web.conf', text: conf }]);
    const words = [...warnings];
    try {
      const { subhosts } = toHostsFile(node, '/', FACTS, problems);
      assert(!refused, `not refused: ${JSON.stringify(subhosts).slice(0, 500)}`);
      assert.deepEqual({ ...subhosts[0], ...means }, subhosts[0]);
    } catch (error) {
      if (!refused) throw error;
      assert.match(messageOf(error).replaceAll('/mnt/opt/', ''), refused);
    }
    assert(performance.now() - begin < LIMIT_MS);
    if (warned) assert.match(words.join('\n').replaceAll('/mnt/opt/', ''), warned);
    else assert.deepEqual(words, []);
  });
