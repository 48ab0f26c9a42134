import { stripVTControlCharacters } from "node:util";

import { describe, expect, test } from "vitest";

import type { RunEvent } from "../runs/event.ts";
import { Progress } from "./progress.ts";
import { followLoad, followRun } from "./run-progress.ts";

class Terminal {
  text = "";
  seconds = 0;
  columns = 80;
  readonly clock = { now: () => 0, seconds: () => this.seconds };
  write(text: string): void {
    this.text += text;
  }
  progress(isLive: boolean): Progress {
    return new Progress({ stream: this, clock: this.clock, isLive });
  }
  /** What the redrawn line shows now. */
  line(): string {
    return stripVTControlCharacters(this.text.split("\r").at(-1) ?? "");
  }
}

describe("Progress", () => {
  test("shows count, rate and time left", () => {
    const terminal = new Terminal();
    const progress = terminal.progress(true);
    progress.start("SFT", 100);
    terminal.seconds = 10;
    progress.advance(25, "loss 0.500");
    expect(terminal.line()).toBe("SFT  █████░░░░░░░░░░░░░░░  25/100  2.5/s  ETA 30 s  loss 0.500");
  });

  test("shows how far weights have been read, once reading has begun", () => {
    const terminal = new Terminal();
    terminal.columns = 120;
    const onLoad = followLoad(terminal.progress(true));
    expect(terminal.text).toBe("");
    onLoad(0, 8_492_011_520);
    terminal.seconds = 20;
    onLoad(2_123_000_000, 8_492_011_520);
    expect(terminal.line()).toBe(
      "Weights  █████░░░░░░░░░░░░░░░  2123/8493  106.2/s  ETA 1 min 00 s  million parameters",
    );
  });

  test("counts the rate of a resumed stage from where it went on", () => {
    const terminal = new Terminal();
    const progress = terminal.progress(true);
    progress.start("GRPO", 100, 90);
    terminal.seconds = 10;
    progress.advance(95);
    expect(terminal.line()).toContain("95/100  2.0 s each  ETA 10 s");
  });

  test("redraws ten times a second at most, and never wraps", () => {
    const terminal = new Terminal();
    terminal.columns = 30;
    const progress = terminal.progress(true);
    progress.start("SFT", 1000);
    for (let step = 1; step <= 1000; step += 1) {
      terminal.seconds = step / 1000;
      progress.advance(step, "a note that is longer than what fits");
      expect(terminal.line().length).toBeLessThan(30);
    }
    expect(terminal.text.split("\r").length).toBeLessThan(15);
  });

  test("takes a terminal that does not know its width for 80 columns wide", () => {
    const terminal = new Terminal();
    terminal.columns = 0;
    terminal.progress(true).start("SFT", 100);
    expect(terminal.line()).toBe("SFT  ░░░░░░░░░░░░░░░░░░░░  0/100");
  });

  test("says one line a stage where nothing can be redrawn", () => {
    const terminal = new Terminal();
    const progress = terminal.progress(false);
    progress.start("Scenes", 10);
    progress.advance(5);
    terminal.seconds = 4;
    progress.finish("10 examples");
    expect(stripVTControlCharacters(terminal.text)).toBe("✓ Scenes  10 examples  4.0 s\n");
  });

  test("shows control characters of others instead of obeying them", () => {
    const terminal = new Terminal();
    const progress = terminal.progress(false);
    progress.say("a\u001b[2Jb");
    progress.start("Edits", 1);
    progress.finish("c\u0007d");
    expect(terminal.text).toContain("a\\u{1b}[2Jb");
    expect(terminal.text).toContain("c\\u{7}d");
  });
});

describe("followRun", () => {
  const steps: RunEvent[] = [
    { kind: "stage-start", v: 1, attempt: 0, stage: "grpo", steps: 3, time: 0 },
    { kind: "step-end", v: 1, attempt: 0, stage: "grpo", step: 1, metrics: { reward: 4 }, time: 0 },
    { kind: "step-end", v: 1, attempt: 0, stage: "grpo", step: 2, metrics: { reward: 8 }, time: 0 },
    {
      kind: "evaluation-end",
      v: 1,
      attempt: 0,
      stage: "grpo",
      step: 2,
      metrics: { "eval/reward": 7.5 },
      isBest: true,
      time: 0,
    },
    { kind: "stage-end", v: 1, attempt: 0, stage: "grpo", step: 2, reason: "early-stop", time: 0 },
  ];

  test("draws rewards as they come and sums the stage up", () => {
    const terminal = new Terminal();
    const follow = followRun(terminal.progress(true), { sft: 0, grpo: 3 });
    for (const event of steps) {
      terminal.seconds += 1;
      follow(event);
    }
    const shown = stripVTControlCharacters(terminal.text);
    expect(shown).toContain("2/3  1.0/s  ETA 1.0 s  reward 8.00 ▁█");
    expect(shown).toContain("✓ GRPO  2 steps, stopped early  reward 8.00  validation reward 7.50  4.0 s");
  });

  test("says how far the rollout of a long step is, beside what the last one reached", () => {
    const terminal = new Terminal();
    const follow = followRun(terminal.progress(true), { sft: 0, grpo: 3 });
    const place = { stage: "grpo", step: 2, v: 1, attempt: 0, time: 0 } as const;
    const rollout: RunEvent = {
      kind: "rollout-progress",
      ...place,
      tokens: 12_300,
      written: 9,
      scored: 7,
      groups: 16,
    };
    const ahead: RunEvent = { ...rollout, ahead: true };
    for (const event of [...steps.slice(0, 2), rollout, ahead]) {
      terminal.seconds += 1;
      follow(event);
    }
    const shown = stripVTControlCharacters(terminal.text);
    expect(shown).toContain("rollout 7/16  reward 4");
    expect(shown).toContain("next rollout 9/16  rew");
  });

  test("shows how far weights and benchmarks are, and how many edits one was measured on", () => {
    const terminal = new Terminal();
    terminal.columns = 120;
    const follow = followRun(terminal.progress(true), { sft: 0, grpo: 3 });
    const about = { v: 2, attempt: 0, time: 0 } as const;
    const row = { arm: "SFT", role: "policy", benchmark: "held-out", decoding: "greedy", failed: 0 } as const;
    const result = { ...row, task: "all", count: 64, figures: {} };
    const shown = [
      { kind: "weights-progress", ...about, read: 0, total: 4e6 },
      { kind: "weights-progress", ...about, read: 1e6, total: 4e6 },
      { kind: "benchmark-progress", ...about, benchmark: "held-out", part: "edits", done: 0, total: 64 },
      { kind: "benchmark-progress", ...about, benchmark: "held-out", part: "edits", done: 32, total: 64 },
      { kind: "benchmark-progress", ...about, benchmark: "other", part: "arms", done: 1, total: 4 },
      { kind: "arms-evaluated", ...about, measures: [], results: [result] },
    ].map((event) => {
      terminal.seconds += 1;
      follow(event as RunEvent);
      return terminal.line();
    });
    expect(shown[1]).toContain("Weights  █████░░░░░░░░░░░░░░░  1/4");
    expect(shown[3]).toContain("Held-out edits  ██████████░░░░░░░░░░  32/64  32.0/s  ETA 1.0 s");
    expect(shown[4]).toContain("Benchmark other: evaluation");
    expect(stripVTControlCharacters(terminal.text)).toContain("✓ Benchmark other: evaluation  64 edits");
  });

  test("begins a resumed stage at its first event", () => {
    const terminal = new Terminal();
    const follow = followRun(terminal.progress(true), { sft: 0, grpo: 3 });
    for (const event of steps.slice(2)) {
      terminal.seconds += 1;
      follow(event);
    }
    expect(terminal.text).toContain("1/3");
  });
});
