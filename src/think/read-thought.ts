/** From a model's reply to the parts of a thought, or to why it is none: it is asked again then. */

import { z } from "zod";

import type { Box } from "../data/thoughts/boxes.ts";
import { jsonIn } from "../judge/json-reply.ts";
import { scaledBox, type Size } from "./scaled-box.ts";
import type { BoxUnit } from "./thought-question.ts";
import { wordsOf, type Region, type ThoughtParts } from "./thought-parts.ts";

export interface ThoughtRules {
  /** Of the source picture as it was sent. */
  readonly sent: Size;
  /** Of the source picture itself, whose pixels the boxes are wanted in. */
  readonly size: Size;
  readonly unit: BoxUnit;
  readonly mostCharacters: number;
}

export type ReadThought =
  | { readonly kind: "thought"; readonly parts: ThoughtParts }
  | { readonly kind: "unparsable"; readonly reason: string };

/** A box may lie beyond a side by this share of it: models count roughly. What is beyond is cut off. */
const BEYOND = 0.03;
const MOST_REGIONS = 20;
const LEAST_LETTERS = 3;
/** Marks that would end a thought, or begin a picture, where a policy reads them. */
const MARKS = /<\|[^|]*\|>/;

const Reply = z.looseObject({
  describe: z.string(),
  locate: z
    .array(z.looseObject({ what: z.string(), box: z.array(z.number()).length(4) }))
    .min(1)
    .max(MOST_REGIONS),
  change: z.string(),
  result: z.string(),
});

export function readThought(reply: string, rules: ThoughtRules): ReadThought {
  const json = jsonIn(reply);
  if (json === undefined) return unparsable(`no JSON in ${excerpt(reply)}`);
  const parsed = Reply.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return unparsable(`${issue?.path.join(".") ?? "reply"}: ${issue?.message ?? "is wrong"}`);
  }
  const { describe, change, result } = parsed.data;
  const texts = { describe: tidy(describe), change: tidy(change), result: tidy(result) };
  for (const [name, text] of Object.entries(texts)) {
    if (text.replaceAll(/[^\p{L}\p{N}]/gu, "").length < LEAST_LETTERS)
      return unparsable(`${name} says nothing`);
  }
  const locate: Region[] = [];
  for (const { what, box } of parsed.data.locate) {
    const name = tidy(what);
    if (name === "") return unparsable("a region of locate has no name");
    const placed = placedBox(box as unknown as Box, rules);
    if (typeof placed === "string") return unparsable(`the box [${box.join(", ")}] of ${name} ${placed}`);
    locate.push({ what: name, box: placed });
  }
  const parts: ThoughtParts = { ...texts, locate };
  const written = Object.values(wordsOf(parts)).join(" ");
  if (MARKS.test(written)) return unparsable("it holds a control token");
  if (written.length > rules.mostCharacters) {
    return unparsable(`it has ${written.length} characters, more than ${rules.mostCharacters}`);
  }
  return { kind: "thought", parts };
}

/** In pixels of the picture itself; a clause that says what is wrong where it is no box of the picture. */
function placedBox(box: Box, { sent, size, unit }: ThoughtRules): Box | string {
  const [left, top, right, bottom] = box;
  const whole = unit === "pixels" ? sent : { width: 1000, height: 1000 };
  if (left >= right || top >= bottom) return "is empty";
  const [x, y] = [BEYOND * whole.width, BEYOND * whole.height];
  if (left < -x || top < -y || right > whole.width + x || bottom > whole.height + y) {
    return `lies outside of the picture (${whole.width} × ${whole.height})`;
  }
  return scaledBox(box, whole, size);
}

/** The stretch from the first opening brace to the last closing one, if it is JSON. */
function tidy(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
}

function excerpt(reply: string): string {
  return reply.trim() === "" ? "an empty reply" : JSON.stringify(tidy(reply).slice(0, 120));
}

function unparsable(reason: string): ReadThought {
  return { kind: "unparsable", reason };
}
