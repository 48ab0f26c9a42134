/** A model that reads papers by looking for words, as a server for tests answers. */

import { says, type Behaviour } from "./behaviour.ts";
import type { SeenRequest } from "./judge-server.ts";

/** What shows a class of a question: the first line of the text that holds the words. */
const SIGNS: readonly (readonly [asks: string, sign: RegExp, name: string])[] = [
  ["What kind of research", /experiments|measure/i, "experimental"],
  ["Where do the authors", /university/i, "academia"],
  ["as an algorithm", /^Algorithm \d/m, "yes"],
  ["source code", /github/i, "yes"],
  ["get the data", /publicly available/i, "yes"],
  ["divided into training", /test set/i, "partly"],
  ["which machines", /GPUs/i, "yes"],
  ["which software", /PyTorch \d/i, "yes"],
  ["settings that one needs", /learning rate/i, "partly"],
];

/** The question of a prompt, and the text that it shows. */
export function asked(prompt: string): { readonly question: string; readonly shown: string } {
  const [, mark = '"""', shown = ""] = /\n("{3,})\n([\s\S]*)\n\1\n\nThe text ends here\./.exec(prompt) ?? [];
  const question = prompt.slice(prompt.lastIndexOf(`\n${mark}\n`));
  return { question, shown };
}

/** Class and quote as the text has it, in the form that was asked for. */
export function read({ text }: Pick<SeenRequest, "text">): Behaviour {
  const { question, shown } = asked(text);
  const sign = SIGNS.find(([asks]) => question.includes(asks));
  const quote = shown.split("\n").find((line) => sign?.[1].test(line));
  const absent = /For "(\w+)" there is nothing to quote/.exec(question)?.[1];
  const reply =
    quote === undefined
      ? { quote: "", reason: "nothing of it", class: absent }
      : { quote: quote.trim(), reason: "it says so", class: sign![2] };
  return says(JSON.stringify(reply));
}
