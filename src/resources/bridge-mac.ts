import { createHash } from 'node:crypto';

/**
 * A bridge without a MAC of its own takes the lowest of its ports', and changes it with them: peers then keep
 * sending to the old one for about a second. So it gets one when it is made, the same at every making of what has this MARK.
 */
export function stableMac(mark: string): string {
  const digest = createHash('sha256').update(mark).digest();
  // 02: locally administered, unicast.
  return ['02', '6f', '62', ...[...digest.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
