/**
 * The workers of the torch engine as earl sees them: a driver process that is called with frames on its standard input
 * and answers on its standard output. When anything in there fails, every call fails with the first true cause, and no
 * process is left behind.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

import { z } from "zod";

import { engineEnvironment, rayAddress } from "../../config/env.ts";
import { EngineError } from "../../errors.ts";
import { FrameReader, framePieces, type Frame, type FrameArrays } from "./frames.ts";
import { ENGINE_PACKAGE, requirePython } from "./python-environment.ts";
import type { TorchSettings } from "./torch-settings.ts";

/** Raised with every change of what frames say; python/earl_engine/__init__.py has the same number. */
const PROTOCOL = 1;

export interface ClusterOptions extends TorchSettings {
  /** Where the workers' output goes. */
  readonly logFile: string;
}

const WorkerHello = z.object({
  pid: z.number(),
  node: z.string(),
  gpu: z.string().nullable(),
  torch: z.string(),
});
const Message = z.union([
  z.object({ hello: z.object({ python: z.string(), ray: z.string(), workers: z.array(WorkerHello) }) }),
  z.object({ answer: z.number(), results: z.record(z.string(), z.unknown()) }),
  z.object({ fault: z.string(), hint: z.string().nullable() }),
]);

export type WorkerHello = z.infer<typeof WorkerHello>;

/** What the ranks answered. */
export interface Answer {
  /** By rank. */
  readonly results: Readonly<Record<string, unknown>>;
  /** By `ofRank(rank, name)`. */
  readonly arrays: FrameArrays;
}

export interface Call {
  /** What is said to each rank that is called. */
  readonly said?: Readonly<Record<string, unknown>>;
  /** One rank; all where not given. */
  readonly rank?: number;
  /** What is said to each rank beside. */
  readonly each?: readonly Readonly<Record<string, unknown>>[];
  /** Those named by `ofRank` go to that rank alone. */
  readonly arrays?: FrameArrays;
}

/** Names an array that belongs to one rank. */
export const ofRank = (rank: number, name: string): string => `${rank}|${name}`;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (fault: EngineError) => void;
}

export class Cluster implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly #logStart: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<void>;
  #count = 0;
  #fault: EngineError | undefined;
  #isEnding = false;
  #workers: readonly WorkerHello[] = [];
  #begun: ((fault?: EngineError) => void) | undefined;

  /** Starts the driver, and with it the workers. Throws EngineError that says what is missing. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const python = requirePython(options.python);
    const cluster = new Cluster(python, options);
    await cluster.#ready(options);
    return cluster;
  }

  private constructor(python: string, { logFile, threads }: ClusterOptions) {
    mkdirSync(dirname(logFile), { recursive: true });
    this.#logFile = logFile;
    this.#logStart = existsSync(logFile) ? readFileSync(logFile).length : 0;
    const log = openSync(logFile, "a");
    // In a process group of its own: Ctrl-C is earl's to answer, by saving first.
    this.#child = spawn(python, ["-m", "earl_engine"], {
      stdio: ["pipe", "pipe", log],
      detached: true,
      env: engineEnvironment({ packages: ENGINE_PACKAGE, threads }),
    });
    closeSync(log);
    this.#gone = new Promise((resolve) => {
      this.#child.once("error", (cause) => {
        this.#fail(
          new EngineError(`${python} cannot be started: ${cause.message}`, {
            cause,
            hint: "Run `earl engine install`, or set engine.python.",
          }),
        );
        resolve();
      });
      this.#child.once("close", (code, signal) => {
        this.#killGroup();
        this.#fail(this.#deathOf(code, signal));
        resolve();
      });
    });
    // What fails to be written is told by the end of the process.
    this.#child.stdin?.on("error", () => {});
    const reader = new FrameReader();
    this.#child.stdout?.on("data", (piece: Buffer) => {
      try {
        for (const frame of reader.take(piece)) this.#take(frame);
      } catch (fault) {
        this.#fail(fault as EngineError);
        this.#killGroup();
      }
    });
  }

  get workers(): readonly WorkerHello[] {
    return this.#workers;
  }

  async #ready({ device, workers, timeoutSeconds, threads }: ClusterOptions): Promise<void> {
    const begun = new Promise<void>((resolve, reject) => {
      this.#begun = (fault) => (fault === undefined ? resolve() : reject(fault));
    });
    if (this.#fault !== undefined) throw this.#fault;
    const settings = { device, workers, timeoutSeconds, threads, address: rayAddress() ?? null };
    this.#write({ protocol: PROTOCOL, ...settings });
    try {
      await begun;
    } catch (fault) {
      await this[Symbol.asyncDispose]();
      throw fault;
    }
  }

  /** Calls a method of the workers. Rejects with EngineError once anything in the engine has failed. */
  call(name: string, { said = {}, rank, each, arrays }: Call = {}): Promise<Answer> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    this.#count += 1;
    const number = this.#count;
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
    this.#write({ number, call: name, said, rank: rank ?? null, each: each ?? null }, arrays);
    return answer;
  }

  /** Ends driver and workers. Every call that is under way fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    this.#child.stdin?.end();
    const hurry = setTimeout(() => this.#killGroup(), 4000);
    await this.#gone;
    clearTimeout(hurry);
  }

  #write(message: unknown, arrays?: FrameArrays): void {
    const { stdin } = this.#child;
    stdin?.cork();
    for (const piece of framePieces(message, arrays)) stdin?.write(piece);
    stdin?.uncork();
  }

  #take({ message, arrays }: Frame): void {
    const known = Message.parse(message);
    if ("hello" in known) {
      this.#workers = known.hello.workers;
      this.#begun?.();
    } else if ("fault" in known) {
      const reason = known.fault.includes("ConnectionError") ? unreachedReason(this.#said()) : "";
      this.#fail(
        new EngineError(`${known.fault}${reason}`, {
          hint: `${known.hint ?? "Report it."} The log: ${this.#logFile}`,
        }),
      );
    } else {
      this.#waiting.get(known.answer)?.resolve({ results: known.results, arrays });
      this.#waiting.delete(known.answer);
    }
  }

  #fail(fault: EngineError): void {
    // What comes after the first follows from it.
    this.#fault ??= fault;
    this.#begun?.(this.#fault);
    for (const { reject } of this.#waiting.values()) reject(this.#fault);
    this.#waiting.clear();
  }

  #deathOf(code: number | null, signal: string | null): EngineError {
    if (this.#isEnding) return new EngineError("The engine has been closed.");
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    const said = lastLine(this.#said());
    // Before it has said anything, it is not the driver that an environment of ours starts.
    const cure =
      this.#workers.length === 0
        ? "Run `earl engine install`, or set engine.python to an environment with the packages of the lock."
        : "Go on from the last checkpoint with --resume.";
    return new EngineError(`The engine's driver ${how}${said === undefined ? "." : `: ${said}`}`, {
      hint: `${cure} The log: ${this.#logFile}`,
    });
  }

  /** What driver and workers have written so far. */
  #said(): string {
    return readFileSync(this.#logFile).subarray(this.#logStart).toString();
  }

  /** Ray's own processes outlive a driver that was killed. */
  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // All gone.
    }
  }
}

/** What an environment without the right packages says stands in the last line of its trace. */
function lastLine(text: string): string | undefined {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .at(-1)
    ?.slice(0, 300);
}

/** Why a cluster could not be asked, a wrong token for one, Ray tells its log alone. */
function unreachedReason(text: string): string {
  const reason = /.*Failed to get cluster ID from GCS server: (.+)/s.exec(text)?.[1]?.split("\n")[0];
  return reason === undefined ? "" : ` (${reason})`;
}
