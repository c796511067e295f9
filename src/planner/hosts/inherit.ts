import type { RawSubhost } from './subhost.ts';

/** A subhost with what it takes from the defaults: each key of its own stands for itself, each limit too. */
export function inherit(defaults: RawSubhost | undefined, own: RawSubhost): RawSubhost {
  const limits = { ...defaults?.limits, ...own.limits };
  return {
    ...defaults,
    ...own,
    keys: new Set([...(defaults?.keys ?? []), ...own.keys]),
    ...(defaults?.limits || own.limits ? { limits } : {}),
  };
}
