import { generateKeyPairSync, randomBytes } from 'node:crypto';

const TYPE = 'ssh-ed25519';
/** The cipher "none" has blocks of 8 bytes: PROTOCOL.key of OpenSSH. */
const BLOCK = 8;
const KEY_BYTES = 32;

/** A new Ed25519 key in OpenSSH's own form, which has to be kept secret; COMMENT is in it. */
export function makeHostKey(comment: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  // The last 32 bytes of either encoding are the key itself, RFC 8410.
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-KEY_BYTES);
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
  const check = randomBytes(4);
  const plain = Buffer.concat([check, check, text(TYPE), text(point), text(Buffer.concat([seed, point])), text(comment)]);
  const padding = Buffer.from(Array.from({ length: (BLOCK - (plain.length % BLOCK)) % BLOCK }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...[text('none'), text('none'), text(''), number(1)],
    text(Buffer.concat([text(TYPE), text(point)])),
    text(Buffer.concat([plain, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A string of RFC 4251: its length, then its bytes. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}
