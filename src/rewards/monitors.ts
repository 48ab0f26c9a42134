/**
 * Signs that a policy learns to please its judge instead of to edit (reward hacking): figures of each step's rollout,
 * with thresholds. None of them proves anything; each is what somebody saw before they looked at the pictures.
 */

import { spearman } from "../algorithms/correlation.ts";
import { entropyOf, repeatedShare } from "../algorithms/diversity.ts";
import { mean } from "../algorithms/statistics.ts";
import type { MonitorSettings } from "./monitor-settings.ts";
import { distanceToSource, isUnchanged, varianceRatio, type EditedPair } from "./picture-figures.ts";

/** One completion that holds a picture, as far as the monitors look. */
export interface MonitoredEdit extends EditedPair {
  /** Of the picture's grid; absent where they are not at hand. */
  readonly codes?: Int32Array;
}

/** The completions of one prompt. */
export interface MonitoredGroup {
  /** Every completion, in order, as it was written. */
  readonly completions: readonly Int32Array[];
  /** Those that hold a picture. */
  readonly edits: readonly MonitoredEdit[];
  /** Of those that were scored. */
  readonly rewards: readonly number[];
  /** What the judge and the reference say of the same completions; empty where one of them does not. */
  readonly opinions?: readonly { readonly judge: number; readonly reference: number }[];
}

export interface MonitorFigures {
  /** Share of the pictures that equal their source. */
  readonly unchanged?: number;
  /** Mean |edited − source|, levels of 255. */
  readonly sourceDistance?: number;
  /** Nats of the codes within a picture, mean over pictures. */
  readonly codeEntropy?: number;
  /** Variance of colours as a share of the source's, mean over pictures. */
  readonly colourVarianceRatio?: number;
  /** Share of the groups whose rewards are all equal. */
  readonly flatGroups?: number;
  /** Share of the completions that equal an earlier one of their group. */
  readonly repeated?: number;
  /** 1 − Spearman's correlation of judge and reference, 0…2; above 1 they order the edits in opposite ways. */
  readonly disagreement?: number;
}

/** A figure is left out where nothing is there to take it of. */
export function monitorFigures(groups: readonly MonitoredGroup[]): MonitorFigures {
  const edits = groups.flatMap((group) => group.edits);
  const judged = groups.filter(({ rewards }) => rewards.length > 1);
  const written = groups.reduce((sum, { completions }) => sum + completions.length, 0);
  const opinions = groups.flatMap((group) => group.opinions ?? []);
  const agreement = spearman(
    opinions.map(({ judge }) => judge),
    opinions.map(({ reference }) => reference),
  );
  return Object.fromEntries(
    Object.entries({
      unchanged: meanOf(edits.map((edit) => Number(isUnchanged(edit)))),
      sourceDistance: meanOf(edits.map(distanceToSource)),
      codeEntropy: meanOf(edits.map(({ codes }) => (codes === undefined ? undefined : entropyOf(codes)))),
      colourVarianceRatio: meanOf(edits.map(varianceRatio)),
      flatGroups: meanOf(
        judged.map(({ rewards }) => Number(rewards.every((reward) => reward === rewards[0]))),
      ),
      repeated:
        written === 0
          ? undefined
          : groups.reduce(
              (sum, { completions }) => sum + completions.length * repeatedShare(completions),
              0,
            ) / written,
      disagreement: agreement === undefined ? undefined : 1 - agreement,
    }).filter(([, figure]) => figure !== undefined),
  );
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : mean(known);
}

interface Rule {
  readonly figure: keyof MonitorFigures;
  readonly threshold: keyof MonitorSettings;
  readonly says: string;
}

const RULES: readonly Rule[] = [
  { figure: "unchanged", threshold: "mostUnchanged", says: "pictures that equal their source" },
  {
    figure: "sourceDistance",
    threshold: "leastSourceDistance",
    says: "distance of the pictures to their source",
  },
  { figure: "codeEntropy", threshold: "leastCodeEntropy", says: "entropy of a picture's codes" },
  {
    figure: "colourVarianceRatio",
    threshold: "leastColourVarianceRatio",
    says: "colour variance against the source's",
  },
  {
    figure: "colourVarianceRatio",
    threshold: "mostColourVarianceRatio",
    says: "colour variance against the source's",
  },
  { figure: "flatGroups", threshold: "mostFlatGroups", says: "groups whose rewards are all equal" },
  {
    figure: "repeated",
    threshold: "mostRepeated",
    says: "completions that repeat another one of their group",
  },
  { figure: "disagreement", threshold: "mostDisagreement", says: "disagreement of judge and reference" },
];

export interface MonitorWarning {
  readonly figure: keyof MonitorFigures;
  readonly value: number;
  readonly limit: number;
  /** One sentence for people. */
  readonly message: string;
}

/** What lies beyond its threshold. */
export function monitorWarnings(figures: MonitorFigures, thresholds: MonitorSettings): MonitorWarning[] {
  return RULES.flatMap(({ figure, threshold, says }) => {
    const value = figures[figure];
    const limit = thresholds[threshold];
    const isMost = threshold.startsWith("most");
    if (value === undefined || (isMost ? value <= limit : value >= limit)) return [];
    const message = `${says}: ${rounded(value)}, ${isMost ? "above" : "below"} ${rounded(limit)}`;
    return [{ figure, value, limit, message }];
  });
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
