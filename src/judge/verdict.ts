/** What a judge said about one edit. A judge that failed is not a judge that said zero. */

export type Verdict =
  | {
      readonly kind: "scored";
      /** In the judge's own range (VIEScore and the reference reward: 0…10). */
      readonly score: number;
      /** The parts the score was made of, by name. */
      readonly parts: Readonly<Record<string, number>>;
      readonly reasoning?: string;
    }
  /** The completion, or the judge's reply to it, cannot be read; `reason` says how. */
  | { readonly kind: "unparsable"; readonly reason: string }
  | { readonly kind: "unreachable"; readonly reason: string };
