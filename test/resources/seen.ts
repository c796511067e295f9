import { readFileSync } from 'node:fs';

/** Output of a program or file of the kernel's, as it was captured: see fixtures/seen/README.md. */
export function seen(name: string): string {
  return readFileSync(new URL(`../../fixtures/seen/${name}`, import.meta.url), 'utf8');
}
