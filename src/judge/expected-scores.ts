/**
 * Scores finer than a judge writes them: the expectation over the numbers that could have stood in each place, from the
 * probabilities of the tokens (as Edit-R1 does, and Liu et al. 2023, section 2.3). Two edits that both get an 8 differ
 * in how nearly they got a 7 or a 9, so fewer groups end up with equal rewards.
 */

import type { TokenChoice } from "./read-chat-reply.ts";
import type { WrittenNumber } from "./number-lists.ts";

const MAX_SCORE = 10;
/** Least probability that the tokens which are numbers must have together; below it the place is about something else. */
const LEAST_MASS = 0.5;

/** Where a token lies within the text that all of them spell. */
interface Place {
  readonly choice: TokenChoice;
  readonly start: number;
  readonly end: number;
}

/**
 * The expectation of each number, in the same order; undefined where the tokens do not spell the text or are about
 * something else than numbers. `places` are those of the numbers in the text.
 */
export function expectedScores(
  text: string,
  places: readonly WrittenNumber[],
  tokens: readonly TokenChoice[],
): number[] | undefined {
  const spelt = tokens.map(({ token }) => token).join("");
  // The tokens may go on to an end token, or begin with thoughts that the server took out.
  const offset = spelt.lastIndexOf(text);
  if (offset < 0) return undefined;
  const laid = layOut(tokens);
  const expected = places.map((place) => expectedAt(laid, place, offset));
  return expected.some((one) => one === undefined) ? undefined : (expected as number[]);
}

function layOut(tokens: readonly TokenChoice[]): Place[] {
  let start = 0;
  return tokens.map((choice) => {
    const place = { choice, start, end: start + choice.token.length };
    start = place.end;
    return place;
  });
}

interface Weighted {
  readonly value: number;
  readonly probability: number;
}

function expectedAt(laid: readonly Place[], written: WrittenNumber, offset: number): number | undefined {
  const start = offset + written.start;
  const index = laid.findIndex((place) => place.start <= start && start < place.end);
  const place = laid[index];
  if (place === undefined) return undefined;
  const lead = place.choice.token.slice(0, start - place.start).trim();
  const numbers: Weighted[] = [];
  let openOnes = 0;
  let isWritten = false;
  for (const { token, logprob } of alternativesOf(place.choice)) {
    const probability = Math.exp(logprob);
    const value = numberIn(token, lead);
    if (value === undefined) continue;
    const isOwn = token === place.choice.token;
    isWritten ||= isOwn;
    if (value !== 1) numbers.push({ value: isOwn ? written.value : value, probability });
    else if (isOwn) numbers.push(...oneOrTen(probability, laid[index + 1]?.choice));
    else openOnes += probability;
  }
  if (!isWritten) return undefined;
  return meanOf(
    numbers,
    openOnes,
    numbers.some(({ value }) => value === MAX_SCORE),
  );
}

/** The tokens that could have stood here, the one that does among them. */
function alternativesOf({ token, logprob, alternatives }: TokenChoice): TokenChoice["alternatives"] {
  return alternatives.some((other) => other.token === token)
    ? alternatives
    : [{ token, logprob }, ...alternatives];
}

/** A whole number from 0 to 10 that a token writes, behind what stands before it in the same token. */
function numberIn(token: string, lead: string): number | undefined {
  const trimmed = token.trimStart();
  if (!trimmed.startsWith(lead)) return undefined;
  const digits = /^\s*(\d{1,2})(?!\d)/.exec(trimmed.slice(lead.length))?.[1];
  const value = digits === undefined ? Number.NaN : Number(digits);
  return value <= MAX_SCORE ? value : undefined;
}

/** Where digits are tokens of their own, a 1 is the beginning of a 10 if a 0 follows. */
function oneOrTen(probability: number, next: TokenChoice | undefined): Weighted[] {
  const following = next === undefined ? [] : alternativesOf(next);
  const masses = following.map(({ logprob }) => Math.exp(logprob));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  const zero = following.reduce(
    (sum, { token }, index) => sum + (token.startsWith("0") ? masses[index]! : 0),
    0,
  );
  const ten = total === 0 ? 0 : zero / total;
  return [
    { value: 1, probability: probability * (1 - ten) },
    { value: MAX_SCORE, probability: probability * ten },
  ];
}

/**
 * The mean of what is known. A 1 that was not taken may have become a 10, unless 10 is a token of its own; then it
 * counts as whichever lies nearer to the rest, since a judge that hesitates does so between neighbours.
 */
function meanOf(numbers: readonly Weighted[], openOnes: number, hasTen: boolean): number | undefined {
  const mass = numbers.reduce((sum, { probability }) => sum + probability, 0);
  if (mass + openOnes < LEAST_MASS || mass === 0) return undefined;
  const sum = numbers.reduce((so, { value, probability }) => so + value * probability, 0);
  const isNearTen = !hasTen && sum / mass > (1 + MAX_SCORE) / 2;
  return (sum + openOnes * (isNearTen ? MAX_SCORE : 1)) / (mass + openOnes);
}
