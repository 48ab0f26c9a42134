/** Opens what measures are taken with: encoders in threads of their own, and who is asked questions about pictures. */

import { openEncoder } from "../encoders/open-encoder.ts";
import type { JudgeContext } from "../judge/open-judge.ts";
import type { InstrumentKind, Instruments } from "./benchmark.ts";
import type { InstrumentSettings } from "./instrument-settings.ts";

export interface InstrumentContext {
  /** Only these are opened, fetched and checked: `instrumentsOf` says them of benchmarks. */
  readonly uses: ReadonlySet<InstrumentKind>;
  /** The folder of an encoder that may be named on the hub; the name itself unless given. */
  readonly find?: (name: string) => Promise<string>;
  /** Of the model that is asked questions. */
  readonly judge?: JudgeContext;
  /** When it aborts, questions that are on their way reject with its reason. */
  readonly signal?: AbortSignal;
}

export type OpenInstruments = Instruments & AsyncDisposable;

/**
 * Whoever opens them closes them. Folders are checked here; weights are read, threads started and servers asked when
 * something is measured. Throws CheckpointError where a folder is missing or holds another kind of model.
 */
export async function openInstruments(
  settings: InstrumentSettings,
  { uses, find = async (name) => name, judge, signal = new AbortController().signal }: InstrumentContext,
): Promise<OpenInstruments> {
  const wanted = <Kind extends InstrumentKind>(kind: Kind): InstrumentSettings[Kind] =>
    uses.has(kind) ? settings[kind] : undefined;
  const instruments: { -readonly [Kind in InstrumentKind]?: Instruments[Kind] } = {};
  const owned: AsyncDisposable[] = [];
  const own = <Owned extends AsyncDisposable>(one: Owned): Owned => {
    owned.push(one);
    return one;
  };
  const [clip, dino, questions] = [wanted("clip"), wanted("dino"), wanted("questions")];
  // Neither holds anything until it is asked, so none is left behind where a later one cannot be opened.
  if (clip !== undefined) instruments.clip = own(await openEncoder("clip", await find(clip)));
  if (dino !== undefined) instruments.dino = own(await openEncoder("dino", await find(dino)));
  if (questions !== undefined) {
    const [{ openJudgeModel }, { twoStageQuestions }] = await Promise.all([
      import("../judge/open-judge.ts"),
      import("./measures/two-stage-questions.ts"),
    ]);
    const model = own(await openJudgeModel(questions, judge));
    instruments.questions = twoStageQuestions(model, signal);
  }
  const close = async (): Promise<void> => {
    await Promise.all(owned.map((one) => one[Symbol.asyncDispose]()));
  };
  return { ...instruments, [Symbol.asyncDispose]: close };
}
