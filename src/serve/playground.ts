/**
 * Edits for somebody who watches: a policy is opened when it is first asked, its completions are shown row by row as
 * they are written, and two checkpoints can be compared on one seed.
 */

import { join } from "node:path";

import type { EngineHost } from "../engine/engine-host.ts";
import { EngineSettings, openEngineHost } from "../engine/open-engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { DataError } from "../errors.ts";
import { editPrompt, readSource } from "../experiment/edit-prompt.ts";
import { openEngine } from "../experiment/open-engine.ts";
import { openPolicy, type OpenPolicy } from "../experiment/open-policy.ts";
import { taughtWriting } from "../experiment/taught-writing.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { readCompletion } from "../rollout/read-completion.ts";
import { listCheckpoints } from "../runs/checkpoint.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import { longestCompletion } from "../tokens/completion-length.ts";
import { rowsSoFar } from "../tokens/rows-so-far.ts";
import type { EditAsked } from "./edit-asked.ts";
import type { EditTold } from "./messages.ts";

export interface Listener {
  readonly signal: AbortSignal;
  readonly tell: (told: EditTold) => Promise<void>;
}

interface OpenArm extends AsyncDisposable {
  readonly policy: OpenPolicy;
  /** Whether it was taught to write a thought before the picture. */
  readonly writesThought: boolean;
  readonly engine: PolicyEngine;
}

/** Policies that stay open: those of the last comparison. */
const KEPT = 2;

export class Playground implements AsyncDisposable {
  readonly #runs: string;
  readonly #device: string | undefined;
  /** Most recently used last. */
  readonly #open = new Map<string, OpenArm>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(runs: string, device?: string) {
    this.#runs = runs;
    this.#device = device;
  }

  /** One edit after the other, also when several pages ask. What goes wrong is told, not thrown. */
  edit(asked: EditAsked, listener: Listener): Promise<void> {
    const mine = this.#last.then(() => this.#edit(asked, listener));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #edit(asked: EditAsked, { signal, tell }: Listener): Promise<void> {
    for (const [arm, checkpoint] of asked.checkpoints.entries()) {
      try {
        const opened = await this.#arm(checkpoint);
        await writeEdits(opened, asked, { signal, tell: (told) => tell({ ...told, arm }) });
      } catch (error) {
        if (signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        await tell({ kind: "problem", arm, message });
      }
    }
    await tell({ kind: "end" });
  }

  async #arm({ run, name }: EditAsked["checkpoints"][number]): Promise<OpenArm> {
    const key = `${run}/${name}`;
    const open = this.#open.get(key) ?? (await openArm(this.#pathOf(run, name), this.#device));
    this.#open.delete(key);
    this.#open.set(key, open);
    for (const [oldest, arm] of [...this.#open].slice(0, -KEPT)) {
      this.#open.delete(oldest);
      await arm[Symbol.asyncDispose]();
    }
    return open;
  }

  /** Only what the list of checkpoints names. */
  #pathOf(run: string, name: string): string {
    const directory = new RunDirectory(join(this.#runs, run));
    const isPlain = !/[/\\]/.test(run) && run !== "." && run !== "..";
    const found = isPlain ? listCheckpoints(directory).find((one) => one.name === name) : undefined;
    if (found !== undefined) return found.path;
    throw new DataError(`The run ${run} has no checkpoint ${name} any more; choose another.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    for (const arm of this.#open.values()) await arm[Symbol.asyncDispose]();
    this.#open.clear();
  }
}

async function openArm(path: string, device: string | undefined): Promise<OpenArm> {
  const host: EngineHost = await openEngineHost(EngineSettings.parse({ device }));
  try {
    const { thought, freeGridText } = taughtWriting(path);
    const policy = await openPolicy(host, path, { freeGridText });
    const optimizer = OptimizerSettings.parse({});
    const engine = await openEngine(host, policy, { optimizer, purpose: "inference" });
    return {
      policy,
      engine,
      writesThought: thought,
      [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
    };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

type ToldOfArm = EditTold extends infer Told
  ? Told extends { arm: number }
    ? Omit<Told, "arm">
    : never
  : never;

interface ArmListener {
  readonly signal: AbortSignal;
  readonly tell: (told: ToldOfArm) => Promise<void>;
}

async function writeEdits(
  { policy, engine, writesThought }: OpenArm,
  asked: EditAsked,
  { signal, tell }: ArmListener,
): Promise<void> {
  const bytes = Buffer.from(asked.picture.slice(asked.picture.indexOf(",") + 1), "base64");
  const source = await decodePicture(bytes, "the picture");
  const { resized, codes } = await readSource(policy, source);
  await tell({ kind: "source", picture: dataUrl(resized) });
  const grid = { rows: codes.rows, columns: codes.columns };
  const prompt = editPrompt(policy, { source: codes, grid, instruction: asked.instruction, writesThought });
  const sampling = {
    groupSize: asked.completions,
    temperature: asked.temperature,
    topK: 0,
    topP: 1,
    maxTokens: longestCompletion(policy.grammar, [prompt]),
  };
  // Pictures of rows are decoded one after the other, each of the newest state: a slow decoder skips states.
  const shown = new Map<number, number>();
  const waiting = new Map<number, readonly number[]>();
  let showing: Promise<void> | undefined;
  const showAll = async (): Promise<void> => {
    for (let next = firstOf(waiting); next !== undefined; next = firstOf(waiting)) {
      const [completion, ids] = next;
      waiting.delete(completion);
      const part = rowsSoFar(policy.tokens.vocabulary, ids, grid);
      if (part === undefined || part.rows <= (shown.get(completion) ?? 0)) continue;
      shown.set(completion, part.rows);
      const [picture] = await policy.vision.decode([part.padded]);
      if (picture === undefined) continue;
      const told = {
        picture: dataUrl(topRows(picture, part.rows, grid.rows)),
        rows: part.rows,
        of: grid.rows,
      };
      await tell({ kind: "rows", completion, ...told });
    }
    showing = undefined;
  };
  const onWritten = ({ completion, ids }: { completion: number; ids: readonly number[] }): void => {
    waiting.set(completion, [...ids]);
    showing ??= showAll();
  };
  const request = { prompts: [prompt], sampling, seed: asked.seed, signal, onWritten };
  for await (const { completions } of engine.generate(request)) {
    waiting.clear();
    await showing;
    for (const [completion, written] of completions.entries()) {
      const read = readCompletion(policy.tokens, prompt, written);
      if (read.kind === "unreadable") await tell({ kind: "problem", completion, message: read.problem });
      else {
        const [picture] = await policy.vision.decode([read.codes]);
        const { thought } = read;
        const said = thought === undefined ? {} : { thought };
        await tell({ kind: "done", completion, picture: dataUrl(picture as Picture), ...said });
      }
    }
  }
}

function firstOf<Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value] | undefined {
  return map.entries().next().value;
}

function topRows({ width, height, pixels }: Picture, rows: number, of: number): Picture {
  const kept = Math.round((height * rows) / of);
  return { width, height: kept, pixels: pixels.slice(0, width * kept * 3) };
}

function dataUrl(picture: Picture): string {
  return `data:image/png;base64,${Buffer.from(encodePng(picture)).toString("base64")}`;
}
