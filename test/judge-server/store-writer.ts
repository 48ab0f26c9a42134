/** A process that fills a store: `store-writer.ts DIRECTORY write NAME COUNT`. Says how far it is every 100 answers. */

import { AnswerStore } from "../../src/judge/answer-store.ts";

const [directory = "", , name = "", count = "0"] = process.argv.slice(2);
const store = await AnswerStore.open(directory, 100_000_000);
for (let index = 0; index < Number(count); index += 1) {
  store.put(`${name} ${index}`, { name, index });
  if ((index + 1) % 100 === 0) process.stdout.write(`${index + 1}\n`);
  store.get(`${(Number(name) + 1) % 3} ${index}`);
}
store[Symbol.dispose]();
