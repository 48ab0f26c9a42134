/**
 * Classes of papers as a file lists them: what `earl card classify` wrote, or labels by hand as a table (CSV, JSON lines, a
 * JSON array) that is long, with the columns paper, question and class, or wide, with the paper and a column a question.
 */

import { readFileSync } from "node:fs";
import { extname } from "node:path";

import { DamagedRow } from "../data/containers/row-table.ts";
import { TextTable } from "../data/containers/text-table.ts";
import { DataError } from "../errors.ts";
import { ReviewFile } from "./paper-review.ts";
import { QUESTIONS, type ReviewQuestion } from "./questions.ts";

export interface ListedClass {
  readonly name: string;
  /** Share of the answers that agree, where a model was asked. */
  readonly confidence?: number;
}

/** By paper, then by a question's id. `undefined` is a question that was asked and not answered. */
export type ClassList = ReadonlyMap<string, ReadonlyMap<string, ListedClass | undefined>>;

const HINT = `Give what \`earl card classify --out answers.json\` wrote, or CSV with the columns paper, question and class, or paper and a column for each question (${QUESTIONS.map(({ id }) => id).join(", ")}).`;

/** Throws DataError for a file that cannot be read, and for a paper, question or class that is none or stands there twice. */
export async function readClassList(path: string): Promise<ClassList> {
  const listed = new Listing(path);
  const review = reviewIn(path);
  if (review !== undefined) {
    for (const { paper, answers } of review.papers) {
      for (const answer of answers) {
        const said = "class" in answer ? answer : undefined;
        listed.add(paper, answer.question, said && { name: said.class, confidence: said.confidence }, paper);
      }
    }
  } else {
    await readTable(path, listed);
  }
  if (listed.papers.size === 0) throw new DataError(`${path} holds no class of any paper.`, { hint: HINT });
  return listed.papers;
}

class Listing {
  readonly papers = new Map<string, Map<string, ListedClass | undefined>>();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  add(paper: string, asked: string, said: ListedClass | undefined, where: string): void {
    const question = questionOf(asked);
    if (question === undefined) {
      this.#refuse(where, `there is no question ${JSON.stringify(asked)}`);
    }
    const name = said && folded(said.name);
    const names = question.classes.map((one) => one.name);
    if (name !== undefined && !names.includes(name)) {
      this.#refuse(
        where,
        `${JSON.stringify(said?.name)} is no class of ${question.id}, which are ${names.join(", ")}`,
      );
    }
    const id = paper.trim().replace(/\.(?:txt|text|md|markdown|pdf)$/i, "");
    if (id === "") this.#refuse(where, "no paper is named");
    const own = this.papers.get(id) ?? new Map<string, ListedClass | undefined>();
    if (own.has(question.id)) this.#refuse(where, `${question.id} of ${id} stands there twice`);
    own.set(question.id, name === undefined ? undefined : { ...said, name });
    this.papers.set(id, own);
  }

  #refuse(where: string, what: string): never {
    throw new DataError(`${this.#path}, ${where}: ${what}.`, { hint: HINT });
  }
}

/** Undefined where the file is a table. */
function reviewIn(path: string): ReviewFile | undefined {
  if (extname(path).toLowerCase() !== ".json") return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new DataError(`${path} cannot be read as JSON.`, { hint: HINT, cause });
  }
  if (Array.isArray(json)) return undefined;
  const review = ReviewFile.safeParse(json);
  if (review.success) return review.data;
  const [issue] = review.error.issues;
  throw new DataError(`${path}: ${issue?.path.join(".")}: ${issue?.message}.`, { hint: HINT });
}

async function readTable(path: string, listed: Listing): Promise<void> {
  const table = await TextTable.open(path);
  const columns = new Map(table.columns.map((name) => [folded(name), name]));
  const column = (name: string): string | undefined => columns.get(name);
  const [paper, question, said] = ["paper", "question", "class"].map(column);
  const asked = table.columns.filter((name) => questionOf(name) !== undefined);
  const isLong = question !== undefined && said !== undefined;
  if (paper === undefined || (!isLong && asked.length === 0)) {
    throw new DataError(`${path} has the columns ${table.columns.join(", ")}.`, { hint: HINT });
  }
  let row = 0;
  for await (const record of table.scan()) {
    row += 1;
    const where = `row ${row}`;
    if (record instanceof DamagedRow) {
      throw new DataError(`${path}, ${where}: ${record.reason}.`, { hint: HINT });
    }
    const cell = (name: string): string => {
      const value = record[name];
      return typeof value === "string" || typeof value === "number" ? String(value) : "";
    };
    if (isLong) {
      listed.add(cell(paper), cell(question), { name: cell(said) }, where);
      continue;
    }
    // An empty cell is a question that nobody labelled.
    for (const name of asked) {
      if (cell(name).trim() !== "") listed.add(cell(paper), name, { name: cell(name) }, where);
    }
  }
}

/** By its id or its heading, however these are spaced and capitalised. */
function questionOf(name: string): ReviewQuestion | undefined {
  const wanted = folded(name);
  return QUESTIONS.find(({ id, title }) => id === wanted || folded(title) === wanted);
}

function folded(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, "-");
}
