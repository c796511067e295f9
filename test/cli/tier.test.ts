import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';

const otherNode = process.version.startsWith('v20.') ? false : 'another Node';

test('a file of many subhosts has machine code made for what it takes, one of a few has not', { skip: otherNode }, () => {
  const tier = new URL('../../src/cli/tier.ts', import.meta.url);
  const isCompiled = (size: number): string => {
    const script = `import { prepareFor } from '${tier}';
      prepareFor(${size});
      const sum = (values) => values.reduce((all, one) => all + one, 0);
      for (let i = 0; i < 1e5; i++) sum([1, 2, 3]);
      console.log(%ActiveTierIsSparkplug(sum));`;
    const flags = ['--no-sparkplug', '--no-opt', '--allow-natives-syntax', '--import', 'tsx', '--input-type=module'];
    return execFileSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8' });
  };
  assert.equal(isCompiled(150), 'false\n');
  assert.equal(isCompiled(12_000), 'true\n');
});
