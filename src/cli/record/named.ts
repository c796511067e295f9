import { ObError } from '../../resources/error.ts';
import type { Owner } from '../../resources/marks.ts';
import { listSubhosts } from '../../resources/scopes.ts';
import type { Args, Context } from '../command.ts';
import { withLock } from '../lock.ts';
import { scopeOf } from '../owned.ts';
import { findHostsFiles, namesOf, newLook, readNames } from '../session.ts';
import { createEventsLog, type News } from './events-log.ts';
import { listAllRecorded } from './store.ts';
import { isShared, toEventKeys } from './unit.ts';

/** A run that is about to end is waited for, as a person would. */
const LEAST_WAIT_SECONDS = 10;

/**
 * Changes the records of the subhosts that are named, wherever these are known from: the machine, the hosts file or the
 * records. CHANGE gives what is said, and what is kept of it. OFSHARED: also of what subhosts share, named by its address.
 */
export function changeNamed(
  args: Args,
  context: Context,
  change: (owner: Owner) => { say: string; news?: Partial<News> & Pick<News, 'what'> },
  { ofShared = false } = {},
) {
  const wait = Math.max(args.lockTimeout, LEAST_WAIT_SECONDS);
  return withLock(wait, context, async () => {
    const scope = scopeOf(
      args.names,
      (await listKnown(args)).filter(({ name }) => ofShared || !isShared(name)),
      args.scope,
    );
    const log = createEventsLog(scope, context.commandLine, context.output.warn);
    for (const name of new Set(args.names)) {
      const { say, news } = change({ scope, name });
      if (news) log.add({ address: null, ...toEventKeys(name), ...news });
      context.stdout.write(`${say}\n`);
    }
    log.flush();
  });
}

async function listKnown(args: Args): Promise<Owner[]> {
  const owners = [...(await listSubhosts(newLook())), ...(await listInFile(args)), ...listAllRecorded()];
  return [...new Map(owners.map((owner) => [`${owner.scope}/${owner.name}`, owner])).values()];
}

/** A person at work may have left the file half written: then the machine knows its subhosts. */
async function listInFile({ files }: Args): Promise<Owner[]> {
  try {
    const file = await readNames(findHostsFiles(files));
    return namesOf(file).map((name) => ({ scope: file.scope, name }));
  } catch (error) {
    if (files.length > 0 || !(error instanceof ObError)) throw error;
    return [];
  }
}
