/** Listening to a signal that thousands listen to. */

/** Why a signal aborted, as something to throw. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back when the signal aborts, unless the returned function was called before. Unlike `addEventListener`, which
 * goes through all listeners each time and warns at the eleventh, it takes constant time.
 */
export function onAbort(signal: AbortSignal, callBack: () => void): () => void {
  const all = listeners.get(signal) ?? listenTo(signal);
  // One function may listen several times, each time on its own.
  const entry = (): void => callBack();
  all.add(entry);
  return () => {
    all.delete(entry);
  };
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const all = new Set<() => void>();
  listeners.set(signal, all);
  signal.addEventListener(
    "abort",
    () => {
      for (const callBack of all) callBack();
    },
    { once: true },
  );
  return all;
}
