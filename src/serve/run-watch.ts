/** Follows one run for everybody who looks at it: reads its events once, and tells what is new. */

import { join } from "node:path";

import type { RunEvent, Stage } from "../runs/event.ts";
import { followEvents } from "../runs/follow-events.ts";
import { howFar } from "../runs/how-far.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import type { Push, RunSummary, StepValues } from "./messages.ts";
import { RunModel } from "./run-model.ts";

/** Pages hear of what is new this often. */
const PUSH_MS = 100;
/** And of the run's state, which may change without an event (its process died). */
const STATE_MS = 1000;

export class RunWatch implements AsyncDisposable {
  readonly id: string;
  readonly directory: RunDirectory;
  readonly #over = new AbortController();
  readonly #followed: Promise<void>;
  readonly #listeners = new Set<(push: Push) => void>();
  #model = new RunModel();
  #isReading = true;
  #fault: string | undefined;
  /** Steps that pages do not know yet. */
  readonly #fresh = new Map<Stage, StepValues[]>();
  #toldState = "";
  #isNews = false;
  readonly #timers: NodeJS.Timeout[];

  constructor(folder: string, id: string) {
    this.id = id;
    this.directory = new RunDirectory(join(folder, id));
    this.#followed = this.#follow();
    this.#timers = [setInterval(() => this.#tell(), PUSH_MS), setInterval(() => this.#tellState(), STATE_MS)];
    for (const timer of this.#timers) timer.unref();
  }

  get model(): RunModel {
    return this.#model;
  }

  summary(): RunSummary {
    const more = { isReading: this.#isReading, fault: this.#fault };
    return this.#model.summary(this.id, howFar(this.directory), more);
  }

  /** Tells the state at once, and what is new from now on, until the function that is returned is called. */
  listen(listener: (push: Push) => void): () => void {
    this.#listeners.add(listener);
    listener({ kind: "state", run: this.summary() });
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves when all that was there has been read. */
  async read(): Promise<void> {
    while (this.#isReading) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #follow(): Promise<void> {
    const { events } = this.directory;
    const onCut = (): void => {
      this.#model = new RunModel();
      this.#fresh.clear();
      this.#push({ kind: "cut" });
    };
    try {
      const { signal } = this.#over;
      const onRest = (): void => {
        if (this.#isReading) this.#isNews = true;
        this.#isReading = false;
      };
      for await (const event of followEvents(events, { signal, onCut, onRest, pollMs: PUSH_MS }))
        this.#take(event);
    } catch (error) {
      this.#fault = error instanceof Error ? error.message : String(error);
      this.#isReading = false;
      this.#isNews = true;
    }
  }

  #take(event: RunEvent): void {
    this.#model.apply(event);
    if (!this.#isReading) this.#isNews = true;
    // What was there when a page asked is asked for curve by curve; only what comes later is pushed.
    if (this.#isReading || this.#listeners.size === 0) return;
    if (event.kind !== "step-end" && event.kind !== "evaluation-end") return;
    const steps = this.#fresh.get(event.stage) ?? [];
    steps.push({ step: event.step, metrics: event.metrics });
    this.#fresh.set(event.stage, steps);
  }

  #tell(): void {
    if (this.#listeners.size === 0) return;
    for (const [stage, steps] of this.#fresh) this.#push({ kind: "steps", stage, steps });
    this.#fresh.clear();
    if (this.#isNews) this.#tellState();
    this.#isNews = false;
  }

  #tellState(): void {
    if (this.#listeners.size === 0) return;
    const run = this.summary();
    const told = JSON.stringify(run);
    if (told === this.#toldState) return;
    this.#toldState = told;
    this.#push({ kind: "state", run });
  }

  #push(push: Push): void {
    for (const listener of this.#listeners) listener(push);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#over.abort();
    await this.#followed;
  }
}
