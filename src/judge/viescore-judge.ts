/** VIEScore as settings ask for it: model, words and scoring in one, for rewards and commands. */

import { averaged } from "./averaged.ts";
import { checklistHash, type Scoring } from "./checklist.ts";
import type { JudgeModel } from "./judge-model.ts";
import type { JudgeSettings } from "./judge-settings.ts";
import { openJudgeModel, type JudgeContext } from "./open-judge.ts";
import { ownPrompts, type VieScorePrompts } from "./prompts.ts";
import { publishedPrompts } from "./published-prompts.ts";
import type { JudgeVerdict } from "./verdict.ts";
import { vieScoreOnce, type JudgedPictures } from "./viescore.ts";

export interface VieScoreSettings extends JudgeSettings {
  readonly scoring: Scoring;
  /** Answers to each question, which are averaged. */
  readonly repeats: number;
  /** Folder of published prompts; our own unless given. */
  readonly prompts?: string | undefined;
  /** Of the checklist. */
  readonly questions: readonly string[];
}

export class VieScoreJudge implements AsyncDisposable {
  readonly model: JudgeModel;
  readonly #settings: VieScoreSettings;
  readonly #prompts: VieScorePrompts;

  private constructor(model: JudgeModel, settings: VieScoreSettings, prompts: VieScorePrompts) {
    this.model = model;
    this.#settings = settings;
    this.#prompts = prompts;
  }

  /** Throws ConfigError where prompts are missing or the store cannot be opened; servers are asked later. */
  static async open(settings: VieScoreSettings, context: JudgeContext = {}): Promise<VieScoreJudge> {
    const { prompts: folder, scoring } = settings;
    const prompts = folder === undefined ? ownPrompts(scoring === "text") : await publishedPrompts(folder);
    return new VieScoreJudge(await openJudgeModel(settings, context), settings, prompts);
  }

  /** SHA-256 of the words that are used. */
  get wordsHash(): string {
    const { scoring, questions } = this.#settings;
    return scoring === "checklist" ? checklistHash(questions) : this.#prompts.sha256;
  }

  /** The mean of the repeats. Rejects only when the signal aborts. */
  async score(pictures: JudgedPictures, signal: AbortSignal): Promise<JudgeVerdict> {
    return averaged(await Promise.all(this.scores(pictures, this.#settings.repeats, signal)));
  }

  /** Verdicts of answers of their own. */
  scores(pictures: JudgedPictures, repeats: number, signal: AbortSignal): Promise<JudgeVerdict>[] {
    const { scoring, questions } = this.#settings;
    const prompts = this.#prompts;
    return Array.from({ length: repeats }, (_, repeat) =>
      vieScoreOnce(this.model, pictures, { scoring, prompts, questions, repeat }, signal),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.model[Symbol.asyncDispose]();
  }
}
