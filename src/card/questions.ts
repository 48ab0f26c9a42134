/**
 * What a reproducibility review asks of a paper: the variables of Gundersen & Kjensmo (AAAI 2018), in words of our own. A
 * run's card answers them from what the run wrote; `earl card classify` asks a model about anybody's paper.
 */

export interface QuestionClass {
  readonly name: string;
  /** Completes "this class, if …". */
  readonly means: string;
}

export interface ReviewQuestion {
  readonly id: string;
  readonly title: string;
  readonly asks: string;
  /** The stronger claims come first; where answers are tied, the weaker one counts. */
  readonly classes: readonly [QuestionClass, QuestionClass, ...QuestionClass[]];
  /** The class of what a text does not speak of: the only one without a quote. */
  readonly absent: string;
}

/** Classes of a question that a text may answer in part. */
function extent(yes: string, partly: string, no: string): ReviewQuestion["classes"] {
  return [
    { name: "yes", means: yes },
    { name: "partly", means: partly },
    { name: "no", means: no },
  ];
}

export const QUESTIONS = [
  {
    id: "research-type",
    title: "Research type",
    asks: "What kind of research is it?",
    classes: [
      { name: "experimental", means: "it reports measurements of something that was run" },
      { name: "theoretical", means: "it argues or proves, and runs nothing that it measures" },
      { name: "unclear", means: "the text does not show which" },
    ],
    absent: "unclear",
  },
  {
    id: "affiliation",
    title: "Affiliation",
    asks: "Where do the authors of this very paper work?",
    classes: [
      { name: "collaboration", means: "some at a company, others at a university or a public institute" },
      { name: "industry", means: "all at companies" },
      { name: "academia", means: "all at universities or public institutes" },
      { name: "unsaid", means: "the text does not say it" },
    ],
    absent: "unsaid",
  },
  {
    id: "pseudocode",
    title: "Pseudocode",
    asks: "Does it give the method that it proposes as an algorithm, step by step?",
    classes: [
      {
        name: "yes",
        means:
          "there is pseudocode, a listing, or a numbered algorithm (the caption or the first line is the quote)",
      },
      { name: "no", means: "the method is told in prose, formulas or figures alone, or not at all" },
    ],
    absent: "no",
  },
  {
    id: "open-code",
    title: "Open code",
    asks: "Can readers get the source code of the authors' own method?",
    classes: [
      {
        name: "yes",
        means: "it says where the code is, or that it comes with the paper",
      },
      { name: "promised", means: "it says that the code will be published later" },
      { name: "no", means: "neither; code of others that the authors used does not count" },
    ],
    absent: "no",
  },
  {
    id: "open-data",
    title: "Open data",
    asks: "Can readers get the data that the experiments used?",
    classes: extent(
      "all of it is published, by the authors or by others, and named",
      "some of it is, some is not, or it is only promised",
      "none of it is, or the text does not say",
    ),
    absent: "no",
  },
  {
    id: "data-splits",
    title: "Data splits",
    asks: "Does it say how the data were divided into training, validation and test sets?",
    classes: extent(
      "for every set that was used it says which one it is, by size, share or a published division",
      "for some of them",
      "it says nothing of that",
    ),
    absent: "no",
  },
  {
    id: "hardware",
    title: "Hardware",
    asks: "Does it say which machines the experiments ran on?",
    classes: extent(
      "it names a model of processor or accelerator and how many of them",
      "it says only one of the two, or is vague about both",
      "it says nothing of that",
    ),
    absent: "no",
  },
  {
    id: "software",
    title: "Software",
    asks: "Does it say which software the experiments need?",
    classes: extent(
      "it names libraries or frameworks with their versions",
      "it names some without a version",
      "it names none",
    ),
    absent: "no",
  },
  {
    id: "experiment-setup",
    title: "Experiment set-up",
    asks: "Does it give the settings that one needs to repeat the experiments, such as learning rate, batch size, steps and seeds?",
    classes: extent(
      "it gives what one needs to repeat the main experiment",
      "it gives some settings, and leaves out others that matter",
      "it gives none",
    ),
    absent: "no",
  },
] as const satisfies readonly ReviewQuestion[];

export type QuestionId = (typeof QUESTIONS)[number]["id"];

/** Its heading in cards. */
export function titleOf(id: QuestionId): string {
  return QUESTIONS.find((question) => question.id === id)?.title ?? id;
}
