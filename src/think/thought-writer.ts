/** Thoughts about edits, written by a vision-language model. */

import { z } from "zod";

import { decodeExample, type EditExample, type ExamplePictures } from "../data/edit-dataset.ts";
import type { ThoughtRow } from "../data/thoughts/thought-file.ts";
import { DataError } from "../errors.ts";
import { NO_USAGE } from "../judge/attempt.ts";
import type { AnswerReader, JudgeModel } from "../judge/judge-model.ts";
import { openJudgeModel, type JudgeContext } from "../judge/open-judge.ts";
import { fitted } from "../judge/sent-picture.ts";
import type { Picture } from "../images/picture.ts";
import { changedRegion } from "./changed-region.ts";
import { readThought, type ThoughtRules } from "./read-thought.ts";
import { scaledBox } from "./scaled-box.ts";
import type { ThinkSettings } from "./think-settings.ts";
import { questionHash, THOUGHT_SCHEMA, thoughtQuestion } from "./thought-question.ts";
import { wordsOf } from "./thought-parts.ts";

export type WrittenThought =
  | { readonly kind: "written"; readonly row: ThoughtRow }
  | { readonly kind: "unparsable" | "unreachable" | "unreadable"; readonly reason: string };

const Words = z.record(z.string(), z.string());

export class ThoughtWriter implements AsyncDisposable {
  readonly #model: JudgeModel;
  readonly #settings: ThinkSettings;

  private constructor(model: JudgeModel, settings: ThinkSettings) {
    this.#model = model;
    this.#settings = settings;
  }

  /** Throws ConfigError where the store of answers cannot be opened; servers are asked later. */
  static async open(settings: ThinkSettings, context: JudgeContext = {}): Promise<ThoughtWriter> {
    return new ThoughtWriter(await openJudgeModel(settings, context), settings);
  }

  /** Model and question: what a thought depends on besides its edit. */
  get signature(): string {
    const { model, boxes, mostCharacters } = this.#settings;
    return `${model} ${questionHash(boxes, mostCharacters)}`;
  }

  /** Asks until there is a sound thought, or the settings say that it is enough. Rejects only when the signal aborts. */
  async write(example: EditExample, signal: AbortSignal): Promise<WrittenThought> {
    const pictures = await picturesOf(example);
    if (typeof pictures === "string") return { kind: "unreadable", reason: pictures };
    const { source } = pictures;
    const { boxes: unit, mostCharacters, showsTarget } = this.#settings;
    const target = showsTarget ? pictures.target : undefined;
    const sent = fitted(source, this.#settings);
    const whole = unit === "pixels" ? sent : { width: 1000, height: 1000 };
    const region = target === undefined ? undefined : changedRegion(source, target);
    const text = thoughtQuestion({
      instruction: example.instruction,
      size: sent,
      unit,
      hasTarget: target !== undefined,
      changed: region === undefined ? undefined : scaledBox(region, source, whole),
      mostCharacters,
    });
    const question = {
      text,
      pictures: target === undefined ? [source] : [source, target],
      schema: THOUGHT_SCHEMA,
      repeat: 0,
    };
    const rules = { sent, size: source, unit, mostCharacters };
    const asked = await this.#model.ask("thought", question, readerOf(rules), signal);
    if (asked.kind !== "answered") return asked;
    const size: [number, number] = [source.width, source.height];
    return {
      kind: "written",
      row: { id: example.id, thought: asked.answer, size, by: this.signature },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model[Symbol.asyncDispose]();
  }
}

/** The sizes decide what a reply means, so answers are remembered for them. */
function readerOf(rules: ThoughtRules): AnswerReader<Record<string, string>> {
  const { sent, size, unit } = rules;
  return {
    name: `thought ${unit} ${sent.width}x${sent.height} ${size.width}x${size.height}`,
    schema: Words,
    read: ({ text }) => {
      const read = readThought(text, rules);
      return read.kind === "thought"
        ? { status: "answered", answer: wordsOf(read.parts), usage: NO_USAGE }
        : { status: "unparsable", reason: read.reason };
    },
  };
}

async function picturesOf(
  example: EditExample,
): Promise<string | (ExamplePictures & { readonly source: Picture })> {
  try {
    const { source, target } = await decodeExample(example);
    if (source === undefined) return "it has no picture, only codes";
    return { source, ...(target !== undefined && { target }) };
  } catch (error) {
    if (error instanceof DataError) return error.message.replace(/\.$/, "");
    throw error;
  }
}
