import { describe, expect, test } from "vitest";
import { fails, says, type Behaviour } from "../../../test/judge-server/behaviour.ts";
import { JudgeServer, type SeenRequest } from "../../../test/judge-server/judge-server.ts";
import { quickTimers } from "../../../test/judge-server/quick-timers.ts";
import { JudgeSettings } from "../../judge/judge-settings.ts";
import { openJudgeModel } from "../../judge/open-judge.ts";
import { picture } from "../../images/picture.ts";
import { twoStageQuestions, yesOrNo } from "./two-stage-questions.ts";

const QUESTION = { text: "How many cups are there?", answer: "Three" };

/** Asked once, at a server that answers the two stages so. */
async function asked(
  first: Behaviour,
  second: Behaviour,
): Promise<{ readonly isRight: boolean | undefined; readonly seen: readonly SeenRequest[] }> {
  await using server = await JudgeServer.start(({ pictures }) => (pictures.length > 0 ? first : second), {
    isRemembering: true,
  });
  const settings = JudgeSettings.parse({
    model: "judge",
    endpoints: [{ url: server.url }],
    retries: 1,
    reasks: 1,
    cache: { isUsed: false },
  });
  await using model = await openJudgeModel(settings, { timers: quickTimers(100) });
  const asker = twoStageQuestions(model, new AbortController().signal);
  return { isRight: await asker.isRight(picture(40, 30), QUESTION), seen: server.seen };
}

describe("twoStageQuestions", () => {
  test("shows the picture first, and then the right answer without it", async () => {
    const { isRight, seen } = await asked(says("There are 3 cups."), says("Yes."));
    expect(isRight).toBe(true);
    expect(seen.map(({ pictures }) => pictures.length)).toEqual([1, 0]);
    const [first, second] = seen.map(({ body }) => JSON.stringify(body));
    expect(first).toContain("How many cups are there?");
    expect(first).not.toContain("Three");
    for (const part of [QUESTION.text, QUESTION.answer, "There are 3 cups."]) expect(second).toContain(part);
  });

  test("a wrong answer is one, a judge that fails or talks around is none", async () => {
    expect((await asked(says("Two."), says("No, it does not."))).isRight).toBe(false);
    expect((await asked(fails(500), says("yes"))).isRight).toBeUndefined();
    expect((await asked(says("Two."), fails(500))).isRight).toBeUndefined();
    expect((await asked(says("Two."), says("Perhaps."))).isRight).toBeUndefined();
  });
});

test("yesOrNo takes a word for itself, and not both", () => {
  expect(["Yes", "no.", "YES, yes", "yes or no?", "nothing", "yesterday"].map(yesOrNo)).toEqual([
    true,
    false,
    true,
    undefined,
    undefined,
    undefined,
  ]);
});
