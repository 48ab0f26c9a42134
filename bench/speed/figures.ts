/**
 * What a measured program prints, one line a step, round or process. Ours and generate.py print JSON objects of
 * numbers; trl_grpo_bench.py prints `[trl] step  1 generation=2.100 … total=4.790`. Other lines are chatter.
 */

/** Figures by name, in seconds unless the name says otherwise. */
export type Figures = Readonly<Record<string, number>>;

/** A JSON object whose values are all numbers; undefined for any other line. */
export function readJsonFigures(line: string): Figures | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    return Object.values(parsed).every((value) => typeof value === "number")
      ? (parsed as Figures)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A step of the peer. All that is not generation counts as training: scoring, losses, optimizer, trainer. */
export function readPeerStep(line: string): Figures | undefined {
  if (!/^\[[\w-]+\] step /.test(line)) return undefined;
  const written = Object.fromEntries(
    [...line.matchAll(/(\w+)=(-?[\d.]+)/g)].map((match) => [match[1] ?? "", Number(match[2])]),
  );
  const { generation, total } = written;
  if (generation === undefined || total === undefined) return undefined;
  return { generation, training: total - generation, total };
}
