import { describe, expect, test } from "vitest";

import { RUN_CONFIG } from "../experiment/run-config.ts";
import { listSettings } from "./settings.ts";

describe("listSettings", () => {
  test("gives every setting a meaning", () => {
    expect(listSettings(RUN_CONFIG).filter(({ about }) => about === "")).toEqual([]);
  });

  test("knows ranges, defaults and what must be given", () => {
    const settings = new Map(listSettings(RUN_CONFIG).map((setting) => [setting.key, setting]));
    expect(settings.get("grpo.groupSize")).toMatchObject({ type: "integer", range: "2 … 4096", default: 8 });
    expect(settings.get("optimizer.beta1")).toMatchObject({ type: "number", range: "0 … 0.999999" });
    expect(settings.get("data.directory")?.isRequired).toBe(true);
    expect(settings.get("policy.checkpoint")?.isRequired).toBe(false);
  });
});
