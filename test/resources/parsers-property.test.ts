import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc, { type Arbitrary } from 'fast-check';
import { entryHead, entryLine } from '../../src/cli/entry-text.ts';
import { parsePlanFile } from '../../src/cli/plan-file.ts';
import { whatMoved } from '../../src/cli/plan-moved.ts';
import { parseEntry } from '../../src/cli/record/events-log.ts';
import { parseWanted } from '../../src/cli/record/wanted.ts';
import { parseConfs } from '../../src/planner/conf/parse.ts';
import { toHostsFile } from '../../src/planner/hosts/read.ts';
import { parseEnd } from '../../src/resources/end.ts';
import { ObError } from '../../src/resources/error.ts';
import { parseCgroup } from '../../src/resources/linux/cgroup.ts';
import { parseInit } from '../../src/resources/linux/init.ts';
import { parseInsides } from '../../src/resources/linux/inside.ts';
import { parseIpJson, toLink, toRoute } from '../../src/resources/linux/ip.ts';
import { countLayers, parseMountinfo, parseMounts } from '../../src/resources/linux/mountinfo.ts';
import { parseNamespacePids, parseTicks } from '../../src/resources/linux/proc.ts';
import { parseReaperErrors } from '../../src/resources/reaper.ts';
import { FACTS } from '../planner/hosts-facts.ts';
import { holds } from '../property.ts';
import { seen } from './seen.ts';

const LIMIT_MS = 20_000;
const RUNS = 200;

interface Parser {
  readonly what: string;
  /** Real texts, which are cut, doubled and stained. */
  readonly samples: readonly string[];
  readonly read: (text: string) => unknown;
}

const paint = (_: unknown, text: string): string => text;
const ENTRY =
  '{"time":"2026-11-28T18:00:00.000Z","by":"ob apply","scope":"demo","subhost":"web","address":"veth/web0","what":"done","verb":"converge","action":"update","fields":[{"field":"up","old":false,"new":true}],"because":["x"],"notes":["y"],"seconds":0.1}';
const PLAN = `{"ob_plan":1,"ob":"0.1.0","made":"","hosts_files":[{"path":"/h","sha256":"x"}],"scope":"demo","limit":null,"wanted_sha256":"x","plan":[{"type":"change","fields":[],"because":[]}],"sha256":"x"}`;
const WANTED =
  '{"netns/web":{"subhost":"web","fields":{"mark":"ob:demo/web","layers":1}},"bridge/ob0":{"subhost":null,"fields":{"up":true}}}';
const CONF = readFileSync(new URL('../../fixtures/overlay-boot/tiny/tiny.conf', import.meta.url), 'utf8');

const PARSERS: readonly Parser[] = [
  {
    what: 'ip -j',
    samples: ['ip-address.json', 'ip-inside.json', 'ip-vlan.json', 'ip-inside-multipath.json'].map(seen),
    read: (text) => parseIpJson(text).map((list) => [list.flatMap(toLink), list.flatMap(toRoute)]),
  },
  {
    what: 'mountinfo',
    samples: [seen('mountinfo.txt'), seen('init-mountinfo.txt')],
    read: (text) => [parseMountinfo(text), countLayers(text)],
  },
  { what: 'mounts', samples: [seen('mounts.txt')], read: parseMounts },
  { what: '/proc/PID/stat', samples: [seen('init-stat.txt'), seen('hostile-stat.txt')], read: parseTicks },
  { what: '/proc/PID/status', samples: [seen('init-status.txt'), seen('hostile-status.txt')], read: parseNamespacePids },
  { what: '/proc/PID/cgroup', samples: ['0::/ob/demo/web\n', '12:pids:/x\n1:name=systemd:/\n0::/\n'], read: parseCgroup },
  {
    what: 'the argument list of PID 1',
    samples: [seen('init-cmdline')],
    read: (text) => parseInit(text.split('\0'), text.split('\0')[1] ?? ''),
  },
  {
    what: 'reaper look',
    samples: [`web\n${JSON.stringify({ error: 0, links: [{ index: 1, name: 'lo', up: 1 }], addresses: [], routes: [] })}\n`],
    read: (text) => parseInsides(text.split('\n')),
  },
  { what: 'what the reaper says', samples: ['web error mount 16 /proc\n', 'ob:t/web pid 12\nob:t/web ready\n'], read: parseReaperErrors },
  { what: 'the end of a PID 1', samples: [`ended 1 123456${'\0'.repeat(49)}one\ntwo\0`], read: (text) => parseEnd(text, 0) },
  { what: 'an event', samples: [ENTRY], read: readEntry },
  {
    what: 'what was wanted',
    samples: [WANTED],
    read: (text) => [...parseWanted(text).values()].map(({ subhost, fields }) => [subhost, fields['x']]),
  },
  { what: 'a plan that was kept', samples: [PLAN], read: (text) => whatMoved(parsePlanFile('/root/ob.plan', signed(text)).plan, []) },
  { what: 'a conf file of overlay-boot', samples: [CONF], read: readConf },
];

function readEntry(line: string): string[] {
  const entry = parseEntry(line);
  return entry ? [entryHead(entry), entryLine(entry, paint)] : [];
}

/** Somebody may have changed a plan, and its digest with it. */
function signed(text: string): string {
  try {
    const { sha256: _, ...content } = JSON.parse(text);
    return JSON.stringify({ ...content, sha256: createHash('sha256').update(JSON.stringify(content)).digest('hex') });
  } catch {
    return text;
  }
}

function readConf(text: string): unknown {
  const { node, problems } = parseConfs([{ path: '/srv/web.conf', text }]);
  return toHostsFile(node, '/', FACTS, problems);
}

/** A real text with some slips; its values replaced, where it is JSON; or anything. */
function textsLike(samples: readonly string[]): Arbitrary<string> {
  const sample = fc.constantFrom(...samples);
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom('', '\n', ' ', '\\', '\\777', ') (', '[', '{}', 'null', '-1', '1e999', '"', '\0'),
  );
  const slip = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(40), piece);
  const slipped = fc.tuple(sample, fc.array(slip, { minLength: 1, maxLength: 4 })).map(([text, slips]) => slips.reduce(withSlip, text));
  const values = fc.tuple(sample, fc.nat(200), fc.jsonValue()).map(([text, at, value]) => withValue(text, at, value));
  return fc.oneof(slipped, values, fc.string({ unit: 'binary', maxLength: 300 }), fc.json());
}

function withSlip(text: string, [where, length, piece]: readonly [number, number, string]): string {
  const at = Math.floor(where * text.length);
  return text.slice(0, at) + piece + text.slice(at + length);
}

/** The text with its value number AT replaced by another one. */
function withValue(text: string, at: number, value: unknown): string {
  let left = at;
  try {
    return JSON.stringify(JSON.parse(text, (_, one) => (left-- === 0 ? value : one)));
  } catch {
    return text;
  }
}

/** Soon, and with nothing but an error of ours. */
function assertRead(read: (text: string) => unknown, text: string): void {
  const begin = performance.now();
  try {
    read(text);
  } catch (error) {
    assert(error instanceof ObError, error instanceof Error ? error.stack : String(error));
  }
  assert(performance.now() - begin < LIMIT_MS);
}

for (const { what, samples, read } of PARSERS) {
  test(`${what}: whatever is read, nothing but an error of ours is thrown, and soon`, (t) =>
    holds(
      t,
      RUNS,
      fc.property(textsLike(samples), (text) => assertRead(read, text)),
    ));

  test(`${what}: the time it takes grows with the text, not with its square`, () => {
    const long = (samples[0] ?? '').repeat(Math.ceil(1_000_000 / (samples[0] ?? ' ').length));
    for (const text of [long, long.replaceAll('\n', ' '), ' '.repeat(1_000_000), '\\040'.repeat(250_000), '('.repeat(1_000_000)]) {
      assertRead(read, text);
    }
  });
}
