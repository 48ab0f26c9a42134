/**
 * Graphs that are run again and again: compiled when first asked for, kept while they fit into the memory they may
 * take. onnxruntime gives a session's working memory back only with the session, and real work goes on meeting new
 * shapes, so those that were not used for the longest are closed.
 */

import { machineMemory } from "../machine-memory.ts";
import { compile } from "./compile.ts";
import { CPU, type Device } from "./device.ts";
import { Session, type Feeds, type KeptOutputs, type RunResults } from "./session.ts";
import type { Value } from "./value.ts";

/** A graph that is made when it is needed. */
export interface Recipe {
  /** Tells it from the runner's other graphs; compared as JSON. */
  readonly key: readonly unknown[];
  readonly build: () => Readonly<Record<string, Value>>;
  /** Outputs that stay where the device keeps them. */
  readonly kept?: KeptOutputs;
}

export interface RunnerOptions {
  readonly device?: Device;
  /** Threads inside an op; 0, or not given, takes every processor this process may run on. */
  readonly threads?: number | undefined;
  /** Sessions that are kept at most; any number where not given. */
  readonly mostSessions?: number;
  /**
   * Bytes that kept sessions may take; half of the machine's memory where not given, since weights, optimizer state and
   * data need the other half. A graph that takes more by itself is kept alone.
   */
  readonly mostBytes?: number;
}

export interface CountedRun extends RunResults {
  /** Floating-point operations of matrix products. */
  readonly flops: number;
}

interface Kept {
  readonly session: Promise<Session>;
  readonly bytes: number;
  readonly flops: number;
  /** What it keeps lies in the device's memory, which goes with the session. */
  readonly isPinned: boolean;
  /** Runs under way: it is closed after the last. */
  users: number;
}

export class GraphRunner implements AsyncDisposable {
  readonly device: Device;
  readonly #options: RunnerOptions;
  readonly #mostBytes: number;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>();
  /** Sessions that are being closed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(options: RunnerOptions = {}) {
    this.device = options.device ?? CPU;
    this.#options = options;
    this.#mostBytes = options.mostBytes ?? machineMemory() / 2;
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#kept.size;
  }

  /** Runs a graph; whoever gets kept outputs releases them. Throws ShapeError for feeds that do not fit. */
  async run(recipe: Recipe, feeds: Feeds): Promise<CountedRun> {
    const kept = this.#keep(recipe);
    kept.users += 1;
    try {
      const session = await kept.session;
      return { ...(await session.runKeeping(feeds)), flops: kept.flops };
    } finally {
      kept.users -= 1;
      this.#evict();
    }
  }

  /** Floating-point operations of a graph, which is opened for it. */
  async flopsOf(recipe: Recipe): Promise<number> {
    return this.#keep(recipe).flops;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#kept.keys()) this.#close(name);
    await Promise.all(this.#closing);
  }

  #keep(recipe: Recipe): Kept {
    const name = JSON.stringify(recipe.key);
    const kept = this.#kept.get(name) ?? this.#open(name, recipe);
    // The one used last goes to the end.
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept;
  }

  #open(name: string, { build, kept = [] }: Recipe): Kept {
    const graph = compile(build(), this.device);
    this.#evict(graph.bytes);
    const session = Session.open(graph, { threads: this.#options.threads ?? 0, kept });
    // A graph that could not be opened is tried anew the next time.
    session.catch(() => this.#kept.delete(name));
    const { bytes, flops } = graph;
    return { session, bytes, flops, isPinned: !this.device.isCpu && kept.length > 0, users: 0 };
  }

  /** Closes idle sessions, the longest unused first, until one of `coming` bytes fits beside the others. */
  #evict(coming = 0): void {
    const { mostSessions = Infinity } = this.#options;
    const wanted = coming > 0 ? 1 : 0;
    let bytes = [...this.#kept.values()].reduce((sum, one) => sum + one.bytes, coming);
    for (const [name, one] of this.#kept) {
      const isLast = wanted === 0 && this.#kept.size === 1;
      if (isLast || (bytes <= this.#mostBytes && this.#kept.size + wanted <= mostSessions)) return;
      if (one.users > 0 || one.isPinned) continue;
      bytes -= one.bytes;
      this.#close(name);
    }
  }

  #close(name: string): void {
    const session = this.#kept.get(name)?.session;
    this.#kept.delete(name);
    if (session === undefined) return;
    const closing = session
      .then((open) => open[Symbol.asyncDispose]())
      // One that never opened, or does not close, holds nothing that somebody waits for.
      .catch(() => {})
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
