/** Boxes in the words of a thought: `[x1, y1, x2, y2]`, in pixels of the picture that the thought is about. */

export type Box = readonly [left: number, top: number, right: number, bottom: number];

const NUMBER = String.raw`\s*(-?\d+(?:\.\d+)?)\s*`;
const BOX = new RegExp(String.raw`\[${NUMBER},${NUMBER},${NUMBER},${NUMBER}\]`, "g");

/** Every box in a text, in order. */
export function boxesIn(text: string): Box[] {
  return [...text.matchAll(BOX)].map((match) => boxOf(match.slice(1)));
}

/**
 * The text with its boxes for a picture of another size, rounded half to even, as EARL's prepare_data.py writes them. At
 * the same size nothing changes.
 *
 * @example
 * rescaledBoxes("the cup at [10, 20, 31, 40]", { x: 0.5, y: 2 }) // => "the cup at [5, 40, 16, 80]"
 */
export function rescaledBoxes(text: string, { x, y }: { readonly x: number; readonly y: number }): string {
  if (x === 1 && y === 1) return text;
  return text.replaceAll(BOX, (_, ...numbers: string[]) => {
    const scaled = boxOf(numbers.slice(0, 4)).map((value, at) =>
      roundHalfEven(value * (at % 2 === 0 ? x : y)),
    );
    return `[${scaled.join(", ")}]`;
  });
}

function boxOf(numbers: readonly string[]): Box {
  const [left, top, right, bottom] = numbers.map(Number);
  return [left!, top!, right!, bottom!];
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
  // Adding 0 turns −0 into 0.
  return rounded + 0;
}
