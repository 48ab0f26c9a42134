/** The JSON object in a model's reply, which may stand among words, in a fence, or behind its thoughts. */

import { withoutThinking } from "./thinking.ts";

/** What the reply's outermost braces hold; undefined where that is no JSON. */
export function jsonIn(reply: string): unknown {
  const { text } = withoutThinking(reply);
  const [start, end] = [text.indexOf("{"), text.lastIndexOf("}") + 1];
  if (start < 0 || end <= start) return undefined;
  const json = text.slice(start, end);
  // Line breaks inside of strings are a common fault.
  for (const attempt of [json, json.replaceAll(/[\n\r\t]/g, " ")]) {
    try {
      return JSON.parse(attempt);
    } catch {
      // The other one may be sound.
    }
  }
  return undefined;
}
