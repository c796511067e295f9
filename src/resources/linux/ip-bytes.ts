import { isIPv4 } from 'node:net';

/** An address as the hexadecimal digits of its bytes in network order, as the reaper takes it; PREFIX stays: `0a4d0002/24`. */
export function toHex(address: string): string {
  const [ip = '', prefix] = address.split('/');
  const digits = isIPv4(ip) ? hexOfIPv4(ip) : hexOfIPv6(ip);
  return prefix === undefined ? digits : `${digits}/${prefix}`;
}

function hexOfIPv4(ip: string): string {
  return ip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
}

/** RFC 4291, section 2.2: `::` stands for as many zeros as are missing; the last 32 bits may be dotted. */
function hexOfIPv6(ip: string): string {
  const dotted = /[0-9.]+\.[0-9.]+$/.exec(ip)?.[0];
  const text = dotted ? ip.slice(0, -dotted.length) + hexOfIPv4(dotted).replace(/^(.{4})/, '$1:') : ip;
  const [head = '', tail] = text.split('::');
  const left = wordsOf(head);
  const right = wordsOf(tail ?? '');
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0000');
  return [...left, ...zeros, ...right].join('');
}

function wordsOf(text: string): string[] {
  return text === '' ? [] : text.split(':').map((word) => word.padStart(4, '0'));
}
