import { findProgram } from './programs.ts';
import { run } from './run.ts';

/** As overlay-boot does for a cable without a bridge: what it is plugged into is ifupdown's business. */
export async function ifup(link: string): Promise<string[]> {
  if (!findProgram('ifup')) return [`cable ${link} has no bridge, and there is no ifup on this machine to configure it`];
  const ran = await run('ifup', [link]);
  return ran.ok ? [] : [`ifup ${link}: ${ran.words.trim()}`];
}

/**
 * ifupdown keeps in a file what it has configured, and does nothing for a link that is in there: so a link has to be taken
 * out before it goes, or before another one of its name is configured. Quiet, as a link may be gone already.
 */
export async function ifdown(links: readonly string[]): Promise<void> {
  if (links.length === 0 || !findProgram('ifquery') || !findProgram('ifdown')) return;
  const known = (await run('ifquery', ['--state'])).output.split('\n').map((line) => line.replace(/=.*/, ''));
  await Promise.all(links.filter((link) => known.includes(link)).map((link) => run('ifdown', ['--force', link])));
}
