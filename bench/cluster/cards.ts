/** What the data sheets promise of cards: dense bfloat16 products a second, and bytes a second of their memory. */

export interface Card {
  readonly flops: number;
  readonly bandwidth: number;
}

/** By a part of the name that CUDA gives; the first that fits counts. */
const CARDS: readonly (readonly [name: RegExp, card: Card])[] = [
  [/H200/, { flops: 989e12, bandwidth: 4.8e12 }],
  [/H100 NVL/, { flops: 835e12, bandwidth: 3.9e12 }],
  [/H100 PCIe/, { flops: 756e12, bandwidth: 2e12 }],
  [/H100/, { flops: 989e12, bandwidth: 3.35e12 }],
  [/A100.*80GB/, { flops: 312e12, bandwidth: 2.039e12 }],
  [/A100/, { flops: 312e12, bandwidth: 1.555e12 }],
  [/L40S/, { flops: 362e12, bandwidth: 0.864e12 }],
];

export function cardOf(name: string | null): Card | undefined {
  return name === null ? undefined : CARDS.find(([pattern]) => pattern.test(name))?.[1];
}
