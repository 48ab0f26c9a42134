import { describe, expect, test } from "vitest";

import { metricsDocs } from "./metrics-docs.ts";
import { isMetricName, metricSpec, METRICS, type MetricName } from "./metrics.ts";

describe("metric names", () => {
  test("every declared metric is one, and so is a reward's or a subscore's", () => {
    for (const name of Object.keys(METRICS)) expect(isMetricName(name)).toBe(true);
    expect(isMetricName("rewards/viescore/mean")).toBe(true);
    expect(isMetricName("rewards/viescore/sc/std")).toBe(true);
  });

  test("no other name is, whatever it begins with", () => {
    const others = [
      "rewards/mean",
      "rewards//mean",
      "rewards/viescore",
      "rewards/viescore/median",
      "rewards/a b/mean",
      "rewards/viescore//mean",
      "rewards/<name>",
      "loss/",
      "toString",
      "__proto__",
    ];
    for (const name of others) expect(isMetricName(name), name).toBe(false);
    // @ts-expect-error: the type checker knows the families, too
    const unknown: MetricName = "rewards/viescore/median";
    expect(isMetricName(unknown)).toBe(false);
  });

  test("a member of a family is explained by its own name", () => {
    expect(metricSpec("rewards/reference/mean")).toMatchObject({
      unit: "score",
      better: "higher",
      about: expect.stringContaining("`reference`") as string,
    });
    expect(metricSpec("kl")).toBe(METRICS.kl);
  });

  test("the page lists the families beside the metrics", () => {
    expect(metricsDocs()).toContain("| `rewards/<name>/mean` | score | higher |");
  });
});
