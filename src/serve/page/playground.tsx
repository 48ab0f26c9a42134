/** Drop a picture, type what should change, and watch it being written; two checkpoints draw with one seed. */

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import type { EditAsked } from "../edit-asked.ts";
import type { CheckpointChoice, EditTold } from "../messages.ts";
import { Words } from "./completion-card.tsx";
import { problemOf, useAnswer } from "./server.ts";

interface Written {
  readonly picture?: string;
  readonly rows?: string;
  readonly isDone?: boolean;
  readonly thought?: string;
  readonly problem?: string;
}

interface Arm {
  readonly name: string;
  readonly source?: string;
  readonly problem?: string;
  readonly completions: readonly Written[];
}

const keyOf = ({ run, name }: Pick<CheckpointChoice, "run" | "name">): string => `${run}/${name}`;

export function Playground({ run }: { readonly run: string }): JSX.Element {
  const choices = useAnswer<CheckpointChoice[]>("/api/checkpoints").answer ?? [];
  const [picture, setPicture] = useState<string>();
  const [instruction, setInstruction] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [count, setCount] = useState(4);
  const [temperature, setTemperature] = useState(1);
  const [seed, setSeed] = useState(0);
  const [arms, setArms] = useState<readonly Arm[]>([]);
  const [problem, setProblem] = useState<string>();
  const [isWriting, setWriting] = useState(false);
  const going = useRef<AbortController | null>(null);
  const own = choices.filter((choice) => choice.run === run);
  const preset = own.findLast(({ isBest }) => isBest) ?? own.at(-1) ?? choices.at(-1);
  const first = chosen[0] ?? (preset === undefined ? "" : keyOf(preset));
  const wanted = [first, chosen[1] ?? ""].filter((key) => key !== "");

  const start = async (): Promise<void> => {
    const missing =
      picture === undefined
        ? "Give a picture."
        : instruction.trim() === ""
          ? "Type an instruction."
          : undefined;
    setProblem(missing);
    if (missing !== undefined) return;
    const checkpoints = wanted.flatMap((key) => choices.find((choice) => keyOf(choice) === key) ?? []);
    const asked = { picture: picture ?? "", instruction, checkpoints, completions: count, temperature, seed };
    const controller = new AbortController();
    going.current = controller;
    setWriting(true);
    setArms(
      checkpoints.map((one) => ({
        name: keyOf(one),
        completions: Array.from({ length: count }, () => ({})),
      })),
    );
    try {
      await readEdits(asked, controller.signal, (told) => setArms((before) => withTold(before, told)));
    } catch (error) {
      if (!controller.signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
    }
    setWriting(false);
  };

  return (
    <>
      <form
        class="card playground"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <Drop picture={picture} onPicture={setPicture} onProblem={setProblem} />
        <div class="fields">
          <label>
            Instruction
            <input
              type="text"
              value={instruction}
              placeholder="Turn the large red square blue"
              onInput={(event) => setInstruction(event.currentTarget.value)}
            />
          </label>
          <Checkpoint
            label="Checkpoint"
            choices={choices}
            value={first}
            onChange={(key) => setChosen([key, chosen[1] ?? ""])}
          />
          <Checkpoint
            label="Compare with"
            choices={choices}
            value={chosen[1] ?? ""}
            empty="none"
            onChange={(key) => setChosen([first, key])}
          />
          <div class="row">
            <label>
              Completions
              <input
                type="number"
                min="1"
                max="16"
                value={count}
                onInput={(event) => setCount(Number(event.currentTarget.value))}
              />
            </label>
            <label>
              Temperature
              <input
                type="number"
                min="0"
                max="2"
                step="0.1"
                value={temperature}
                onInput={(event) => setTemperature(Number(event.currentTarget.value))}
              />
            </label>
            <label>
              Seed
              <input
                type="number"
                min="0"
                value={seed}
                onInput={(event) => setSeed(Number(event.currentTarget.value))}
              />
            </label>
          </div>
          <div class="row">
            <button type="submit" class="main" disabled={isWriting || wanted.length === 0}>
              Edit
            </button>
            {isWriting && (
              <button type="button" onClick={() => going.current?.abort()}>
                Stop
              </button>
            )}
          </div>
          {choices.length === 0 && <p class="soft">No run here has a checkpoint yet.</p>}
        </div>
      </form>
      {problem !== undefined && (
        <p class="alert" role="alert">
          {problem}
        </p>
      )}
      <div aria-live="polite" aria-busy={isWriting}>
        {arms.map((arm) => (
          <ArmShown key={arm.name} arm={arm} instruction={instruction} />
        ))}
      </div>
    </>
  );
}

function ArmShown({ arm, instruction }: { readonly arm: Arm; readonly instruction: string }): JSX.Element {
  return (
    <section class="card group">
      <h2>{arm.name}</h2>
      {arm.problem !== undefined && <p class="bad">{arm.problem}</p>}
      <div class="strip">
        {arm.source !== undefined && (
          <figure class="completion">
            <img src={arm.source} alt="source, as the policy reads it" />
            <figcaption class="soft">source</figcaption>
          </figure>
        )}
        {arm.completions.map(({ picture, rows, isDone, thought, problem }, at) => (
          <figure class="completion" key={at}>
            {picture === undefined ? (
              <p class="no-picture">{problem ?? "…"}</p>
            ) : (
              <div class="canvas">
                <img src={picture} alt={`completion ${at + 1} of “${instruction}”`} />
              </div>
            )}
            <figcaption class="soft">
              {problem ?? (isDone === true ? `completion ${at + 1}` : (rows ?? ""))}
            </figcaption>
            {thought !== undefined && <Words title="Thought" text={thought} />}
          </figure>
        ))}
      </div>
    </section>
  );
}

interface CheckpointProps {
  readonly label: string;
  readonly choices: readonly CheckpointChoice[];
  readonly value: string;
  /** Words for choosing none. */
  readonly empty?: string;
  readonly onChange: (key: string) => void;
}

function Checkpoint({ label, choices, value, empty, onChange }: CheckpointProps): JSX.Element {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {empty !== undefined && <option value="">{empty}</option>}
        {choices.map((choice) => (
          <option key={keyOf(choice)} value={keyOf(choice)}>
            {keyOf(choice)}
            {choice.isBest ? " (best)" : ""}
          </option>
        ))}
      </select>
    </label>
  );
}

interface DropProps {
  readonly picture: string | undefined;
  readonly onPicture: (picture: string) => void;
  readonly onProblem: (problem: string | undefined) => void;
}

function Drop({ picture, onPicture, onProblem }: DropProps): JSX.Element {
  const take = (file: File | undefined): void => {
    if (file === undefined) return;
    if (!["image/png", "image/jpeg", "image/webp"].includes(file.type)) {
      onProblem(`${file.name} is no PNG, JPEG or WebP picture.`);
      return;
    }
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      onProblem(undefined);
      if (typeof reader.result === "string") onPicture(reader.result);
    });
    reader.readAsDataURL(file);
  };
  return (
    <label
      class="drop"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        take(event.dataTransfer?.files[0]);
      }}
    >
      {picture === undefined ? (
        "Drop a picture here, or choose one"
      ) : (
        <img src={picture} alt="the picture to edit" />
      )}
      <input
        type="file"
        accept="image/png,image/jpeg,image/webp"
        onChange={(event) => take(event.currentTarget.files?.[0])}
      />
    </label>
  );
}

function withTold(arms: readonly Arm[], told: EditTold): readonly Arm[] {
  if (told.kind === "end") return arms;
  return arms.map((arm, at) => (at === told.arm ? armWith(arm, told) : arm));
}

function armWith(arm: Arm, told: Exclude<EditTold, { kind: "end" }>): Arm {
  if (told.kind === "source") return { ...arm, source: told.picture };
  if (told.kind === "problem" && told.completion === undefined) return { ...arm, problem: told.message };
  const changed = (before: Written): Written => {
    if (told.kind === "problem") return { ...before, problem: told.message };
    if (told.kind === "done") {
      const { picture, thought } = told;
      return { picture, isDone: true, ...(thought !== undefined && { thought }) };
    }
    return { picture: told.picture, rows: `row ${told.rows} of ${told.of}` };
  };
  return {
    ...arm,
    completions: arm.completions.map((one, at) => (at === told.completion ? changed(one) : one)),
  };
}

/** Asks for edits and hears of them line by line. */
async function readEdits(
  asked: EditAsked,
  signal: AbortSignal,
  hear: (told: EditTold) => void,
): Promise<void> {
  const response = await fetch("/api/edits", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked),
    signal,
  });
  if (!response.ok || response.body === null) throw new Error(await problemOf(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") hear(JSON.parse(line) as EditTold);
  }
}
