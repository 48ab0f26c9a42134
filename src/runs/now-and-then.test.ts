import { expect, test } from "vitest";

import { nowAndThen } from "./now-and-then.ts";

test("says the first at once, and then four a second at most", () => {
  let seconds = 0;
  const said: number[] = [];
  const say = nowAndThen({ now: () => 0, seconds: () => seconds }, (value: number) => said.push(value));
  for (let tenth = 0; tenth <= 20; tenth += 1) {
    seconds = tenth / 10;
    say(tenth);
  }
  expect(said).toEqual([0, 3, 6, 9, 12, 15, 18]);
});
