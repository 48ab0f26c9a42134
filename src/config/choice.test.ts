import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

import { choiceOf, openChoice, type AnyChoice, type Variant } from "./choice.ts";
import type { Declaration } from "./declaration.ts";
import { parseConfig } from "./load-config.ts";
import { configJsonSchema, settingsTables } from "./settings.ts";

/** A choice whose kinds may hold further choices: shapes, and what is made of shapes. */
interface Area {
  readonly area: (choice: AnyChoice) => number;
}
type ShapeVariant<Options extends z.ZodObject> = Variant<Area, number, Options>;

const discOptions = z.strictObject({
  radius: z.number().positive().default(1).describe("Half its width."),
});
const disc: ShapeVariant<typeof discOptions> = {
  about: "A disc.",
  options: discOptions,
  open: ({ radius }) => Math.PI * radius ** 2,
};

const boxOptions = z
  .strictObject({
    width: z.number().describe("Its width."),
    height: z.number().optional().describe("Its height."),
  })
  .refine(({ width, height }) => height === undefined || height <= width, {
    path: ["height"],
    message: "is more than the width",
  });
const box: ShapeVariant<typeof boxOptions> = {
  about: "A box.",
  options: boxOptions,
  open: ({ width, height = width }) => width * height,
};

const inner: z.ZodType<readonly AnyChoice[]> = z.lazy(() => ShapeList);
const groupOptions = z.strictObject({ parts: inner.describe("Shapes side by side.") });
const group: ShapeVariant<typeof groupOptions> = {
  about: "Several shapes.",
  options: groupOptions,
  open: ({ parts }, { area }) => parts.reduce((sum, part) => sum + area(part), 0),
};

const SHAPES = { disc, box, group };
const common = { weight: z.number().default(1).describe("How much it counts.") };
const Shape = choiceOf(SHAPES, { common });
const ShapeList = z.array(Shape).min(1);

const Drawing = z.strictObject({
  paper: choiceOf(
    {
      plain: { about: "White.", options: z.strictObject({}) },
      ruled: {
        about: "With lines.",
        options: z.strictObject({ gap: z.int().default(5).describe("Distance.") }),
      },
    },
    { standard: "plain" },
  )
    .prefault({})
    .describe("What is drawn on."),
  shapes: ShapeList.default([{ kind: "disc", radius: 1, weight: 1 }]).describe("What is drawn."),
});
const DRAWING: Declaration<z.infer<typeof Drawing>> = {
  title: "drawing",
  schema: Drawing,
  crossFaults: () => [],
  standIns: {},
};

const drawn = (text: string, overrides: readonly string[] = []): z.infer<typeof Drawing> =>
  parseConfig(DRAWING, text, "drawing.yaml", overrides);

function faultIn(text: string, overrides: readonly string[] = []): string {
  try {
    drawn(text, overrides);
  } catch (error) {
    return (error as Error).message.replace(/^The config has [^\n]*\n {2}/, "");
  }
  throw new Error("The config was accepted.");
}

describe("choiceOf", () => {
  test("takes the standard kind where none is named, and fills in the options of the kind", () => {
    expect(drawn("{}")).toEqual({
      paper: { kind: "plain" },
      shapes: [{ kind: "disc", radius: 1, weight: 1 }],
    });
    expect(drawn("paper: { kind: ruled }").paper).toEqual({ kind: "ruled", gap: 5 });
  });

  test("takes lists of choices, and choices within choices", () => {
    const text =
      "shapes: [{ kind: group, parts: [{ kind: box, width: 2 }, { kind: group, parts: [{ kind: disc }] }] }]";
    expect(drawn(text).shapes).toEqual([
      {
        kind: "group",
        weight: 1,
        parts: [
          { kind: "box", width: 2, weight: 1 },
          { kind: "group", weight: 1, parts: [{ kind: "disc", radius: 1, weight: 1 }] },
        ],
      },
    ]);
  });

  test("gives a union told apart by kind", () => {
    expectTypeOf<Extract<z.infer<typeof Shape>, { kind: "disc" }>>().toEqualTypeOf<{
      kind: "disc";
      radius: number;
      weight: number;
    }>();
    expectTypeOf<z.infer<typeof Drawing>["paper"]>().toEqualTypeOf<
      { kind: "plain" } | { kind: "ruled"; gap: number }
    >();
  });

  test.each([
    [
      "paper: { kind: rules }",
      'drawing.yaml:1 paper.kind: is "rules"; it must be one of: plain, ruled; did you mean ruled?',
    ],
    ["shapes: [{ kind: 3 }]", "drawing.yaml:1 shapes.0.kind: is 3; it must be one of: disc, box, group"],
    [
      "shapes:\n  - weight: 2",
      "drawing.yaml:2 shapes.0.kind: is missing; it must be one of: disc, box, group",
    ],
    [
      "shapes:\n  - kind: disc\n    wieght: 2",
      "drawing.yaml:3 shapes.0.wieght: is not a setting; did you mean shapes.0.weight?",
    ],
    [
      "shapes:\n  - kind: disc\n    weight: a",
      'drawing.yaml:3 shapes.0.weight: must be a number, not the text "a"',
    ],
    ["shapes:\n  - kind: box", "drawing.yaml:2 shapes.0.width: is missing (Its width)"],
    [
      "shapes:\n  - { kind: group, parts: [{ kind: group, parts: [{ kind: cone }] }] }",
      'drawing.yaml:2 shapes.0.parts.0.parts.0.kind: is "cone"; it must be one of: disc, box, group',
    ],
    ["shapes: []", "drawing.yaml:1 shapes: must have at least 1 entry, not a list"],
    ["shapes: { kind: disc }", "drawing.yaml:1 shapes: must be a list, not a group of settings"],
    [
      "paper: ruled",
      'drawing.yaml:1 paper: must be a group of settings, not the text "ruled" (write { kind: ruled })',
    ],
    ["paper: ruled2", 'drawing.yaml:1 paper: must be a group of settings, not the text "ruled2"'],
    ["paper: { gap: 3 }", 'drawing.yaml:1 paper.gap: is not a setting of paper.kind "plain", but of "ruled"'],
    [
      "shapes: [{ kind: box, width: 1, height: 2 }]",
      "drawing.yaml:1 shapes.0.height: is more than the width",
    ],
  ])("names the place of a fault in %j", (text, message) => {
    expect(faultIn(text)).toBe(message);
  });

  test("refuses a table that says two things of one setting", () => {
    const twice = { disc: { about: "A disc.", options: z.strictObject({ weight: z.number() }) } };
    expect(() => choiceOf(twice, { common })).toThrow('The kind "disc" declares "weight"');
  });
});

describe("openChoice", () => {
  test("opens what was chosen with its own options, and what it holds", () => {
    const area = (choice: AnyChoice): number => openChoice<Area, number>(SHAPES, choice, { area });
    const [shape] = drawn(
      "shapes: [{ kind: group, parts: [{ kind: box, width: 3 }, { kind: box, width: 2, height: 1 }] }]",
    ).shapes;
    expect(area(shape as AnyChoice)).toBe(11);
  });
});

describe("--set", () => {
  test("reaches into lists by number, beginning with what stands there without it", () => {
    expect(drawn("{}", ["shapes.0.weight=2"]).shapes).toEqual([{ kind: "disc", radius: 1, weight: 2 }]);
    expect(drawn("{}", ["shapes.1.kind=box", "shapes.1.width=4"]).shapes).toEqual([
      { kind: "disc", radius: 1, weight: 1 },
      { kind: "box", width: 4, weight: 1 },
    ]);
    const nested = "shapes: [{ kind: group, parts: [{ kind: disc }] }]";
    expect(drawn(nested, ["shapes.0.parts.0.radius=3"]).shapes[0]).toMatchObject({ parts: [{ radius: 3 }] });
    // The standard list is the schema's own, and stays as it was.
    expect(drawn("{}").shapes).toEqual([{ kind: "disc", radius: 1, weight: 1 }]);
  });

  test("takes whole lists and groups", () => {
    expect(drawn("{}", ["shapes=[{kind: box, width: 2}]"]).shapes).toEqual([
      { kind: "box", width: 2, weight: 1 },
    ]);
    expect(drawn("{}", ["paper={kind: ruled, gap: 2}"]).paper).toEqual({ kind: "ruled", gap: 2 });
    expect(faultIn("{}", ["paper={kind: lined}"])).toContain('--set paper.kind: is "lined"');
  });

  test("changes the kind, and takes no option along that the new one does not know", () => {
    expect(drawn("{}", ["paper.kind=ruled"]).paper).toEqual({ kind: "ruled", gap: 5 });
    expect(drawn("{}", ["paper.gap=3", "paper.kind=ruled"]).paper).toEqual({ kind: "ruled", gap: 3 });
    expect(faultIn("paper: { kind: ruled,\n  gap: 3 }", ["paper.kind=plain"])).toBe(
      'drawing.yaml:2 paper.gap: is not a setting of paper.kind "plain", but of "ruled"',
    );
    expect(faultIn("{}", ["paper.kind=rule"])).toContain(
      '--set paper.kind: is "rule"; it must be one of: plain, ruled',
    );
  });

  test("reads text as text whatever the order of the flags", () => {
    const kinds = {
      plain: { about: "White.", options: z.strictObject({}) },
      branded: {
        about: "With a brand.",
        options: z.strictObject({ brand: z.string(), ink: z.string(), gap: z.int() }),
      },
    };
    const schema = z.strictObject({ paper: choiceOf(kinds, { standard: "plain" }) });
    const parsed = (...overrides: string[]): unknown =>
      parseConfig({ title: "", schema, crossFaults: () => [], standIns: {} }, "", "paper.yaml", overrides);
    const overrides = ["paper.ink={", "paper.brand=007", "paper.gap=2", "paper.kind=branded"];
    const paper = { kind: "branded", brand: "007", ink: "{", gap: 2 };
    expect(parsed(...overrides)).toEqual({ paper });
    expect(parsed(...overrides.toReversed())).toEqual({ paper });
    expect(parsed("paper.brand=1", ...overrides, "paper.brand=[x]")).toEqual({
      paper: { ...paper, brand: "[x]" },
    });
    expect(() => parsed(...overrides, "paper.gap={")).toThrow(
      /--set paper\.gap: "\{" is not a YAML value: 1:\d+: .*$/,
    );
  });

  test.each([
    ["shapes.2.kind=disc", "--set shapes.2.kind: shapes has 1 entry; the next one is shapes.1"],
    [
      "shapes.first.weight=2",
      "--set shapes.first.weight: shapes is a list; name an entry by its number, such as shapes.0",
    ],
    ["shapes.-1.weight=2", "--set shapes.-1.weight: shapes is a list"],
    ["shapes.01.weight=2", "--set shapes.01.weight: shapes is a list"],
    ["shapes.99999999999.weight=2", "--set shapes.99999999999.weight: shapes is a list"],
    ["shapes.0=3", "--set shapes.0: must be a group of settings, not 3"],
    ["shapes.0.kind.x=3", "--set shapes.0.kind.x: shapes.0.kind is a value, not a group of settings"],
  ])("refuses %s", (override, message) => {
    expect(faultIn("{}", [override])).toContain(message);
  });
});

describe("docs", () => {
  const tables = settingsTables(DRAWING);

  test("have a table a kind, the common settings once, and what holds itself by reference", () => {
    expect(
      tables.map(({ key, kind, settings }) => [key, kind, settings.map((setting) => setting.key)]),
    ).toEqual([
      ["", undefined, ["shapes"]],
      ["paper", undefined, ["paper.kind"]],
      ["paper", "plain", []],
      ["paper", "ruled", ["paper.gap"]],
      ["shapes.<n>", undefined, ["shapes.<n>.kind", "shapes.<n>.weight"]],
      ["shapes.<n>", "disc", ["shapes.<n>.radius"]],
      ["shapes.<n>", "box", ["shapes.<n>.width", "shapes.<n>.height"]],
      ["shapes.<n>", "group", ["shapes.<n>.parts"]],
    ]);
    const parts = tables.at(-1)?.settings[0];
    expect(parts).toMatchObject({ type: "list of entries as `shapes.<n>`", isRequired: true });
    expect(tables[4]?.settings[0]).toMatchObject({ type: "disc | box | group", isRequired: true });
    expect(tables[1]?.settings[0]).toMatchObject({
      type: "plain | ruled",
      default: "plain",
      isRequired: false,
    });
  });

  test("and the JSON schema have every kind, with a reference where it holds itself", () => {
    const schema = configJsonSchema(DRAWING);
    const { properties, $defs } = schema as {
      properties: Record<string, never>;
      $defs: Record<string, never>;
    };
    const kinds = JSON.stringify([properties, $defs]).match(/"const":"\w+"/g);
    expect(new Set(kinds)).toEqual(
      new Set(["plain", "ruled", "disc", "box", "group"].map((kind) => `"const":"${kind}"`)),
    );
    expect(properties["shapes"]).toMatchObject({ default: [{ kind: "disc", radius: 1, weight: 1 }] });
    expect(JSON.stringify($defs)).toContain('"$ref":"#/$defs/');
  });
});
