import { parseHTML } from "linkedom";
import { expect, test } from "vitest";

import type { RunEvent } from "../runs/event.ts";
import { warningsSection } from "./warnings.ts";

const common = { v: 1, attempt: 0, time: 0 };
const warning = (step: number, message: string): RunEvent => ({
  ...common,
  kind: "warning",
  stage: "grpo",
  step,
  figure: "unchanged",
  value: 0.9,
  limit: 0.5,
  message,
});

const textOf = (events: readonly RunEvent[]): string | undefined => {
  const section = warningsSection({ names: ["run"], events, documents: [] });
  if (section === undefined) return undefined;
  const items = parseHTML(`<body>${section.markup}</body>`).document.querySelectorAll("li");
  return Array.from(items, ({ textContent }) => textContent?.trim()).join("\n");
};

test("a figure is said once, with the steps it was out of bounds in", () => {
  expect(textOf([warning(3, "pictures: 0.8, above 0.5"), warning(9, "pictures: 0.9, above 0.5")])).toBe(
    "pictures: 0.9, above 0.5 (steps 3 to 9, 2 warnings)",
  );
});

test("a pause is said with its reason, as text", () => {
  const pause: RunEvent = { ...common, kind: "run-paused", stage: "grpo", reason: "<b>refused</b>" };
  expect(textOf([warning(3, "pictures"), pause])).toBe(
    "pictures (step 3, 1 warning)\nPaused: <b>refused</b>",
  );
});

test("a run without warnings has no section", () => expect(textOf([])).toBeUndefined());
