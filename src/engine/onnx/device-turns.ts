/**
 * Threads that take turns on a device. onnxruntime's WebGPU provider writes the work of every session of a process into
 * one command encoder, without a lock of its own: engines in two threads ended each other's commands.
 */

const FREE = 0;
const TAKEN = 1;

/** What the threads of this process share. */
export const TURN = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);

/** Runs `work` while no other thread has its turn, and blocks this thread until then. Without a turn to take, at once. */
export async function inTurn<Result>(
  shared: SharedArrayBuffer | undefined,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  if (shared === undefined) return work();
  const turn = new Int32Array(shared);
  while (Atomics.compareExchange(turn, 0, FREE, TAKEN) !== FREE) Atomics.wait(turn, 0, TAKEN);
  try {
    return await work();
  } finally {
    Atomics.store(turn, 0, FREE);
    Atomics.notify(turn, 0, 1);
  }
}
