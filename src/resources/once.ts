/** READ is called when it is first asked for, and never again. */
export function once<T>(read: () => T): () => T {
  let seen: { value: T } | undefined;
  return () => {
    seen ??= { value: read() };
    return seen.value;
  };
}

/** The same for each key. */
export function onceFor<K, T>(read: (key: K) => T): (key: K) => T {
  const seen = new Map<K, T>();
  return (key) => {
    if (!seen.has(key)) seen.set(key, read(key));
    return seen.get(key) as T;
  };
}
