/** Keys that stand twice in one object of a JSON text: JSON.parse keeps the last of them without a word. */

/**
 * The keys, each time that one comes again, in the order of the text. It must be JSON: JSON.parse has read it before.
 *
 * @example
 * repeatedKeys('{"a": 1, "b": {"a": 2}, "a": 3}'); // => ["a"]
 */
export function repeatedKeys(json: string): string[] {
  const repeated: string[] = [];
  /** Keys of each object that is open; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let isKeyNext = false;
  for (let at = 0; at < json.length; at += 1) {
    const letter = json[at];
    if (letter === "{") open.push(new Set());
    else if (letter === "[") open.push(undefined);
    else if (letter === "}" || letter === "]") open.pop();
    if (letter === "{" || letter === ",") isKeyNext = open.at(-1) !== undefined;
    if (letter !== '"') continue;
    const end = closingQuote(json, at);
    if (isKeyNext) {
      const key = JSON.parse(json.slice(at, end + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key) === true) repeated.push(key);
      keys?.add(key);
      isKeyNext = false;
    }
    at = end;
  }
  return repeated;
}

function closingQuote(json: string, opening: number): number {
  let at = opening + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at;
}
