/** Figures and times as people read them. */

const LARGE = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

/** Three significant digits; large figures in words of thousands. */
export function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "—";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 10_000) return LARGE.format(value);
  if (size < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** "3 h 12 min", "45 s". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

/** Moves each value towards those before it: 0 leaves them, 0.99 shows the trend of some hundred steps. */
export function smoothed(values: readonly number[], weight: number): number[] {
  let [mean, mass] = [0, 0];
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return mean / mass;
  });
}

const STAGE_NAMES: Readonly<Record<string, string>> = { sft: "SFT", grpo: "GRPO" };

export function stageName(stage: string): string {
  return STAGE_NAMES[stage] ?? stage;
}
