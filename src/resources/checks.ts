// What is read from a file need not be what ob has written there: a kill, another version of ob or a person may have been at it.

export type Check = (value: unknown) => boolean;

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

export function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

/** What CHECK says, or this very value: null, or undefined where the key may be left out. */
export function either(check: Check, other: null | undefined): Check {
  return (value) => value === other || check(value);
}

/** An object in which each of these keys has such a value; it may have others. */
export function withFields(checks: Readonly<Record<string, Check>>): Check {
  const all = Object.entries(checks);
  return (value) => isObject(value) && all.every(([key, check]) => check(Object.hasOwn(value, key) ? value[key as never] : undefined));
}
