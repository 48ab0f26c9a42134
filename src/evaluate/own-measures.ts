/** A benchmark's own measures, by what they are taken with; those whose instrument nobody named are left out and said. */

import { EngineError } from "../errors.ts";
import type {
  Benchmark,
  InstrumentKind,
  Instruments,
  LeftOutMeasure,
  Measure,
  QuestionAsker,
} from "./benchmark.ts";
import type { PictureEncoder, PictureTextEncoder } from "../encoders/encoder.ts";

type Made<Instrument> = readonly ((instrument: Instrument) => Measure)[];

export interface OwnMeasures {
  /** Taken with nothing but the pictures. */
  readonly plain?: readonly Measure[];
  readonly clip?: Made<PictureTextEncoder>;
  readonly dino?: Made<PictureEncoder>;
  readonly questions?: Made<QuestionAsker>;
}

const absent = (): never => {
  throw new EngineError("Nothing can be measured with an instrument that is not there.");
};
/** Measures are made of them to be named, and never taken. */
const ABSENT: Required<Instruments> = {
  clip: { pictures: absent, texts: absent, logitScale: absent },
  dino: { pictures: absent },
  questions: { isRight: absent },
};

/** What the measures are taken with. */
export function instrumentsIn({ clip, dino, questions }: OwnMeasures): InstrumentKind[] {
  const asked = { clip, dino, questions };
  return (Object.keys(asked) as InstrumentKind[]).filter((kind) => (asked[kind] ?? []).length > 0);
}

/** The measures that can be taken, and those that cannot. */
export function ownMeasures(
  own: OwnMeasures,
  instruments: Instruments,
): Required<Pick<Benchmark, "measures" | "leftOut">> {
  const measures: Measure[] = [...(own.plain ?? [])];
  const leftOut: LeftOutMeasure[] = [];
  const make = <Kind extends InstrumentKind>(
    needs: Kind,
    made: Made<Required<Instruments>[Kind]> = [],
  ): void => {
    const instrument = instruments[needs];
    for (const of of made) {
      if (instrument === undefined) leftOut.push({ label: of(ABSENT[needs]).label, needs });
      else measures.push(of(instrument as Required<Instruments>[Kind]));
    }
  };
  make("clip", own.clip);
  make("dino", own.dino);
  make("questions", own.questions);
  return { measures, leftOut };
}

const WORDS: Readonly<Record<InstrumentKind, string>> = {
  clip: "a CLIP",
  dino: "a DINO",
  questions: "a model that answers questions",
};

/**
 * A sentence for each instrument that is missing: which measures of which benchmarks are not taken for want of it, and
 * which setting names it.
 */
export function leftOutNotices(
  benchmarks: readonly Pick<Benchmark, "name" | "leftOut">[],
  settingOf: (kind: InstrumentKind) => string,
): string[] {
  return (Object.keys(WORDS) as InstrumentKind[]).flatMap((kind) => {
    const missing = benchmarks.flatMap(({ name, leftOut = [] }) => {
      const labels = leftOut.filter(({ needs }) => needs === kind).map(({ label }) => label);
      return labels.length === 0 ? [] : [`${labels.join(", ")} (${name})`];
    });
    return missing.length === 0
      ? []
      : [`Not measured, for want of ${WORDS[kind]}: ${missing.join("; ")}. ${settingOf(kind)} names one.`];
  });
}
