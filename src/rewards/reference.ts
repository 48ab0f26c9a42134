/**
 * The reward `reference`, 0…10: how close an edit came to the target picture of its example. It needs no judge, so it
 * trains at the speed of the machine.
 *
 * Every pixel is either *meant to change* (target and source differ by more than TOLERANCE in some channel) or *meant
 * to stay*. A pixel has credit 1 while its largest channel difference to what it should be is at most TOLERANCE,
 * falling linearly to 0 at FAR. With C pixels meant to change:
 *
 *   success      = mean credit towards the target over the pixels meant to change        (the edit's recall)
 *   preservation = C / (C + damage), damage = lost credit towards the source elsewhere   (its precision)
 *   reward       = 10 · √(success · preservation)            (Fowlkes & Mallows 1983: their geometric mean)
 *
 * Damage is measured against the size of the edit, not of the picture: a spoilt patch as large as the edit halves
 * preservation, however much else stayed. A plain mean over the unchanged area would forgive it almost wholly.
 */

import { z } from "zod";

import type { Variant } from "../config/choice.ts";
import type { Picture } from "../images/picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import type { DecodedEdit, Reward } from "./reward.ts";

/** Channel difference that counts as equal: what JPEG at good quality does to a flat area. */
export const TOLERANCE = 8;
/** Channel difference from which a pixel earns nothing: colours that a viewer tells apart at once. */
export const FAR = 32;
/** Damage is measured against at least this share of the picture, so that a speck of an edit does not magnify it. */
export const MIN_EDIT_SHARE = 1 / 64;
/** Top of the range, as VIEScore's. */
export const MAX_SCORE = 10;

export interface ReferenceSubscores {
  /** 0…1 over the pixels meant to change; 1 where there are none. */
  readonly success: number;
  /** 0…1 over the pixels meant to stay; 1 where there are none. */
  readonly preservation: number;
}

/** The reward `reference`. Edits without a target, or of another size than their target, come back unparsable, never as 0. */
export const referenceReward: Reward = {
  name: "reference",
  needs: ["target"],
  range: [0, MAX_SCORE],
  async score(edits, { signal }) {
    signal.throwIfAborted();
    return edits.map(verdictOf);
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const options = z.strictObject({});

/** The kind `reference`. */
export const REFERENCE: Variant<unknown, Promise<Reward>, typeof options> = {
  about: "How close a picture is to its example's target, 0 to 10: no judge, only pixels.",
  options,
  open: () => Promise.resolve(referenceReward),
};

function verdictOf(edit: DecodedEdit): JudgeVerdict {
  const { source, target, edited } = edit;
  if (target === undefined)
    return unparsable(`example ${edit.exampleId} has no target picture to compare with`);
  if (!isSameSize(source, target)) {
    return unparsable(`the source is ${sizeOf(source)}, but the target ${sizeOf(target)}`);
  }
  if (!isSameSize(edited, target)) {
    return unparsable(`the edited picture is ${sizeOf(edited)}, but the target ${sizeOf(target)}`);
  }
  const subscores = referenceSubscores(source, target, edited);
  const score = MAX_SCORE * Math.sqrt(subscores.success * subscores.preservation);
  return { kind: "scored", score, subscores: { ...subscores } };
}

/** Success and preservation of one edit. The three pictures have one size. */
export function referenceSubscores(source: Picture, target: Picture, edited: Picture): ReferenceSubscores {
  const pixelCount = target.width * target.height;
  let changed = 0;
  let reached = 0;
  let damage = 0;
  for (let pixel = 0; pixel < pixelCount; pixel += 1) {
    const distance = channelDistance(source, target, pixel);
    if (distance > TOLERANCE) {
      changed += 1;
      // An edit smaller than FAR is held to a tolerance as much smaller, so that the untouched source earns nothing.
      reached += credit(channelDistance(edited, target, pixel), Math.min(FAR, distance));
    } else {
      damage += 1 - credit(channelDistance(edited, source, pixel), FAR);
    }
  }
  const area = Math.max(changed, MIN_EDIT_SHARE * pixelCount);
  return { success: changed === 0 ? 1 : reached / changed, preservation: area / (area + damage) };
}

/** 1 up to a quarter of `far`, falling linearly to 0 at `far`. */
function credit(distance: number, far: number): number {
  const near = (far * TOLERANCE) / FAR;
  return Math.min(1, Math.max(0, (far - distance) / (far - near)));
}

/** Largest difference of a channel at a pixel, 0…255. */
function channelDistance(left: Picture, right: Picture, pixel: number): number {
  let largest = 0;
  for (let index = 3 * pixel; index < 3 * pixel + 3; index += 1) {
    largest = Math.max(largest, Math.abs(left.pixels[index]! - right.pixels[index]!));
  }
  return largest;
}

function isSameSize(left: Picture, right: Picture): boolean {
  return left.width === right.width && left.height === right.height;
}

function sizeOf(picture: Picture): string {
  return `${picture.width} × ${picture.height}`;
}

function unparsable(reason: string): JudgeVerdict {
  return { kind: "unparsable", reason };
}
