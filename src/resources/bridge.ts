import { stableMac } from './bridge-mac.ts';
import type { Kind, Live, Spec, Task } from './kind.ts';
import { addressLines, markSeen, markWords, partLinks, removeLinks, toResults } from './link-rules.ts';
import { addressesOf, type Link } from './linux/ip.ts';
import { type BatchLine, makeThenSet } from './linux/ip-batch.ts';
import { LINK_GROUP, markOf } from './marks.ts';
import { needProgram } from './programs.ts';

type BridgeFields = { readonly mark: string | null; readonly up: boolean; readonly address: readonly string[] };
type BridgeExtra = { readonly mark: string; readonly mac: string };
type BridgeSpec = Spec<BridgeFields, BridgeExtra>;
type BridgeLive = Live<BridgeFields, null>;

/** A bridge of the file's own: a link with addresses of the machine, into which cables are plugged. */
export const bridge: Kind<BridgeFields, BridgeExtra, null, BridgeSpec, BridgeLive> = {
  name: 'bridge',
  rules: {
    mark: { class: 'live', why: 'its group or its alias is missing' },
    up: { class: 'live', why: 'a bridge that is down passes nothing on' },
    address: { class: 'live', why: "the machine's own address on this bridge" },
  },

  desired: (file) =>
    file.bridges.map(({ name, address }) => {
      const mark = markOf({ scope: file.scope, name });
      return {
        address: `bridge/${name}`,
        subhost: null,
        needs: [],
        holds: [`link:${name}`],
        fields: { mark, up: true, address: [...address].sort() },
        extra: { mark, mac: stableMac(mark) },
        summary: address.join(', '),
      };
    }),

  preflight: () => void needProgram('ip'),

  async list(machine, desired) {
    const { own, blockers } = await partLinks(machine, 'bridge', desired);
    const wanted = new Map(desired.map((spec) => [spec.address, spec.fields.address]));
    return { live: own.map((link) => toLive(link, wanted.get(`bridge/${link.name}`))), blockers };
  },

  async converge(_machine, tasks) {
    return toResults(
      tasks.map((task) => task.spec.address),
      await makeThenSet(tasks.flatMap(makeLines), tasks.flatMap(setLines)),
    );
  },

  async remove(machine, live) {
    return removeLinks(
      machine,
      live.map((one) => one.address),
    );
  },
};

function nameOf(address: string): string {
  return address.slice('bridge/'.length);
}

function toLive(link: Link, wanted: readonly string[] | undefined): BridgeLive {
  return {
    address: `bridge/${link.name}`,
    subhost: null,
    needs: [],
    holds: [`link:${link.name}`],
    fields: {
      mark: markSeen(link),
      up: link.up,
      address: addressesOf(link, wanted),
    },
    handle: null,
  };
}

function makeLines({ spec: { address, extra }, live }: Task<BridgeSpec, BridgeLive>): BatchLine[] {
  const make = ['link', 'add', 'dev', nameOf(address), 'address', extra.mac, 'up', 'group', String(LINK_GROUP), 'type', 'bridge'];
  return live ? [] : [{ address, words: make }];
}

function setLines({ spec: { address, fields, extra }, live }: Task<BridgeSpec, BridgeLive>): BatchLine[] {
  const name = nameOf(address);
  return [
    { address, words: ['link', 'set', 'dev', name, ...markWords(extra.mark), 'up'] },
    ...addressLines(address, name, live?.fields.address ?? [], fields.address),
  ];
}
