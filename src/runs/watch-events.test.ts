import { once } from "node:events";

import { describe, expect, test } from "vitest";

import {
  openTrial,
  saveTrial,
  trialClock,
  trialConfig,
  trialDirectory,
  trialManifest,
} from "../../test/small/trial-run.ts";
import { RunConfig } from "../experiment/run-config.ts";
import type { RunEvent } from "./event.ts";
import { openRun } from "./open-run.ts";
import { watchEvents } from "./watch-events.ts";

describe("watchEvents", () => {
  test("tells what a run says, all of it before it ends", async () => {
    const directory = trialDirectory();
    using run = openTrial(directory, false);
    const heard: string[] = [];
    {
      await using _ = watchEvents(directory.events, {}, [({ kind }) => heard.push(kind)]);
      await expect.poll(() => heard).toEqual(["run-start"]);
      run.recorder.record({ kind: "run-end" });
    }
    expect(heard).toEqual(["run-start", "run-end"]);
  });

  test("tells a resumed run's own sitting alone", async () => {
    const directory = trialDirectory();
    {
      using run = openTrial(directory, false);
      run.recorder.record({ kind: "stage-start", stage: "sft", steps: 10 });
      await saveTrial(run, 1);
      run.recorder.record({ kind: "step-end", stage: "sft", step: 2, metrics: {} });
    }
    const resumed = {
      directory,
      config: trialConfig(),
      schema: RunConfig,
      isResume: true,
      clock: trialClock,
    };
    using run = openRun(resumed);
    const heard: RunEvent[] = [];
    const from = run.begin(trialManifest);
    {
      await using _ = watchEvents(directory.events, { from }, [(event) => heard.push(event)]);
    }
    expect(heard.map(({ kind }) => kind)).toEqual(["run-resumed", "checkpoint-saved"]);
    expect(heard[0]).toMatchObject({ step: 1 });
  });

  test("goes on where its listener fails, and says so once", async () => {
    const directory = trialDirectory();
    using run = openTrial(directory, false);
    const heard: string[] = [];
    const warned = once(process, "warning");
    {
      await using _ = watchEvents(directory.events, {}, [
        () => {
          throw new Error("the terminal is gone");
        },
        ({ kind }) => heard.push(kind),
      ]);
      run.recorder.record({ kind: "run-end" });
    }
    expect(String((await warned)[0])).toContain("the terminal is gone");
    // The others hear on.
    expect(heard).toEqual(["run-start", "run-end"]);
  });

  test("tells nothing of another process that took the run over", async () => {
    const directory = trialDirectory();
    const heard: string[] = [];
    using run = openTrial(directory, false);
    run.recorder.record({ kind: "stage-start", stage: "sft", steps: 10 });
    {
      await using _ = watchEvents(directory.events, {}, [({ kind }) => heard.push(kind)]);
      await expect.poll(() => heard.length).toBe(2);
      run[Symbol.dispose]();
      openTrial(directory, true)[Symbol.dispose]();
    }
    expect(heard).toEqual(["run-start", "stage-start"]);
  });
});
