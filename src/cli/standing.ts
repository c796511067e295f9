import { chdir, cwd } from 'node:process';

// Imported before all else: libraries ask where we are while they are loaded. The folder may be gone that a shell
// stands in, and then its subhosts can still be destroyed by name. In /proc no relative name leads anywhere.
try {
  cwd();
} catch {
  chdir('/proc');
}
