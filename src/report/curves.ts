/**
 * The curves of a run, stage by stage. Names, units and captions come from the metric table, so the report says
 * about a metric what the documentation says.
 */

import { STAGES, type Stage } from "../runs/event.ts";
import { isMetricName, metricSpec, type MetricName } from "../runs/metrics.ts";
import { drawChart, type Band, type Line } from "./chart.ts";
import { tick } from "./format.ts";
import { html, prose, trusted, type Html } from "./html.ts";
import { eventsOf, metricPoints, type RunRecord } from "./read-run.ts";

interface LinePlan {
  readonly metric: MetricName;
  readonly label: string;
  readonly colour: string;
  /** Evaluations: dots, with the kept checkpoint ringed. */
  readonly isEvaluation?: boolean;
  /** Half-width of the shade around the line. */
  readonly spread?: MetricName;
  /** Lower and upper edge of the shade. */
  readonly range?: readonly [MetricName, MetricName];
}

interface ChartPlan {
  readonly title: string;
  readonly lines: readonly LinePlan[];
  readonly fromZero?: boolean;
  /** In place of the metric's own meaning. */
  readonly caption?: string;
  /** Left out while every value is zero: nothing to see is good news here. */
  readonly isHiddenAtZero?: boolean;
}

const single = (title: string, metric: MetricName, more: Partial<ChartPlan> = {}): ChartPlan => ({
  title,
  lines: [{ metric, label: metric, colour: "blue" }],
  ...more,
});

const SHARED: readonly ChartPlan[] = [
  single("Gradient norm", "grad_norm", { fromZero: true }),
  single("Learning rate", "learning_rate", { fromZero: true }),
];

const PLANS: Readonly<Record<Stage, readonly ChartPlan[]>> = {
  sft: [
    {
      title: "Loss",
      caption: "Mean negative log-probability of completions, in training batches and on validation edits.",
      lines: [
        { metric: "loss", label: "training", colour: "blue" },
        { metric: "loss/validation", label: "validation", colour: "orange", isEvaluation: true },
      ],
    },
    ...SHARED,
  ],
  grpo: [
    {
      title: "Reward",
      lines: [
        { metric: "reward", label: "rollouts ± spread in a group", colour: "blue", spread: "reward_std" },
        { metric: "eval/reward", label: "validation", colour: "orange", isEvaluation: true },
      ],
    },
    {
      title: "Exact match",
      lines: [
        { metric: "exact_match", label: "rollouts", colour: "blue" },
        { metric: "eval/exact_match", label: "validation", colour: "orange", isEvaluation: true },
      ],
    },
    single("KL from the reference policy", "kl", { fromZero: true }),
    single("Entropy", "entropy", { fromZero: true }),
    SHARED[0] as ChartPlan,
    {
      title: "Completion length",
      lines: [
        {
          metric: "completions/mean_length",
          label: "mean, shortest to longest shaded",
          colour: "blue",
          range: ["completions/min_length", "completions/max_length"],
        },
      ],
    },
    single("Groups that teach nothing", "frac_reward_zero_std", { fromZero: true }),
    SHARED[1] as ChartPlan,
    {
      title: "Clipped tokens",
      isHiddenAtZero: true,
      fromZero: true,
      lines: [
        { metric: "clip_ratio/low_mean", label: "from below", colour: "orange" },
        { metric: "clip_ratio/high_mean", label: "from above", colour: "blue" },
      ],
    },
    single("Undecodable completions", "completions/undecodable", { fromZero: true, isHiddenAtZero: true }),
    single("Completions cut off", "completions/clipped_ratio", { fromZero: true, isHiddenAtZero: true }),
    {
      title: "Failed verdicts",
      isHiddenAtZero: true,
      fromZero: true,
      lines: [
        { metric: "judge/unparsable", label: "unparsable", colour: "orange" },
        { metric: "judge/unreachable", label: "unreachable", colour: "blue" },
      ],
    },
  ],
};

const SCORE_COLOURS = ["blue", "orange", "green", "purple"] as const;

/**
 * One chart for the rewards of a sum, and one for the subscores of each reward that has any, as far as the stage logged
 * them. A reward that is alone and trained on as it is has its curve already.
 */
function scorePlans(run: RunRecord, stage: Stage): ChartPlan[] {
  const groups = new Map<string, { name: string; metric: MetricName }[]>();
  for (const metric of loggedMetrics(run, stage)) {
    const path = /^rewards\/(?:(.+)\/)?([^/]+)\/mean$/.exec(metric);
    if (path === null) continue;
    const [, parent = "", name = ""] = path;
    groups.set(parent, [...(groups.get(parent) ?? []), { name, metric }]);
  }
  return [...groups]
    .filter(([parent, lines]) => parent !== "" || lines.length > 1)
    .map(([parent, lines]) => ({
      title: parent === "" ? "Scores by reward" : `Subscores of ${parent}`,
      caption: `Means over each rollout's scored completions, each in its own range.`,
      lines: lines.map(({ name, metric }, index) => ({
        metric,
        label: name,
        colour: SCORE_COLOURS[index % SCORE_COLOURS.length] ?? "blue",
      })),
    }));
}

/** Names of the metrics of a stage's steps, in the order in which they first appeared. */
function loggedMetrics(run: RunRecord, stage: Stage): MetricName[] {
  const names = new Set<string>();
  for (const event of eventsOf(run, "step-end")) {
    if (event.stage === stage) for (const name of Object.keys(event.metrics)) names.add(name);
  }
  return [...names].filter(isMetricName);
}

const STAGE_TITLES: Readonly<Record<Stage, string>> = {
  sft: "Supervised fine-tuning",
  grpo: "Reinforcement learning (GRPO)",
};

function bandOf(run: RunRecord, stage: Stage, plan: LinePlan): Band[] | undefined {
  const values = (name: MetricName): Map<number, number> =>
    new Map(metricPoints(run, stage, name).map(({ step, value }) => [step, value]));
  const centre = metricPoints(run, stage, plan.metric);
  if (plan.spread !== undefined) {
    const spread = values(plan.spread);
    return centre.flatMap(({ step, value }) => {
      const half = spread.get(step);
      return half === undefined ? [] : [{ step, low: value - half, high: value + half }];
    });
  }
  if (plan.range === undefined) return undefined;
  const [lows, highs] = [values(plan.range[0]), values(plan.range[1])];
  return centre.flatMap(({ step }) => {
    const [low, high] = [lows.get(step), highs.get(step)];
    return low === undefined || high === undefined ? [] : [{ step, low, high }];
  });
}

function lineOf(run: RunRecord, stage: Stage, plan: LinePlan): Line {
  const band = bandOf(run, stage, plan);
  const best = eventsOf(run, "evaluation-end").findLast((event) => event.stage === stage && event.isBest);
  const isEvaluation = plan.isEvaluation === true;
  return {
    label: plan.label,
    colour: plan.colour,
    points: metricPoints(run, stage, plan.metric),
    isSparse: isEvaluation,
    ...(band === undefined ? {} : { band }),
    ...(isEvaluation && best !== undefined ? { bestStep: best.step } : {}),
  };
}

function describe(title: string, lines: readonly Line[]): string {
  const parts = lines.map(({ label, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return label;
    const from = tick(Number(first.value.toPrecision(3)));
    const to = tick(Number(last.value.toPrecision(3)));
    return `${label} from ${from} at step ${first.step} to ${to} at step ${last.step}`;
  });
  return `${title}: ${parts.join("; ")}.`;
}

function figure(run: RunRecord, stage: Stage, plan: ChartPlan): Html | undefined {
  const plans = plan.lines.filter((line) => metricPoints(run, stage, line.metric).length > 0);
  const [main] = plans;
  if (main === undefined) return undefined;
  const lines = plans.map((line) => lineOf(run, stage, line));
  const isFlat = lines.every((line) => line.points.every((point) => point.value === 0));
  if (plan.isHiddenAtZero === true && isFlat) return undefined;
  // The table speaks of GRPO's loss; in supervised fine-tuning it has the unit of the validation loss.
  const { unit } = metricSpec(stage === "sft" && main.metric === "loss" ? "loss/validation" : main.metric);
  const svg = drawChart({
    description: describe(plan.title, lines),
    yLabel: unit === "" ? plan.title.toLowerCase() : unit,
    fromZero: plan.fromZero === true,
    lines,
  });
  return html`<figure class="card chart">
    <h4>${plan.title}</h4>
    ${
      lines.length + (lines[0]?.band?.length ?? 0) > 1 &&
      html`<p class="legend">
        ${lines.map((line) => html`<span class="key" style="--key: var(--${line.colour})">${line.label}</span> `)}
      </p>`
    }
    ${trusted(svg)}
    <figcaption>${prose(plan.caption ?? metricSpec(main.metric).about)}</figcaption>
  </figure>`;
}

/** All curves, undefined where the run logged no step. */
export function curvesSection(run: RunRecord): Html | undefined {
  const stages = STAGES.flatMap((stage) => {
    const [first, ...others] = PLANS[stage];
    const plans = [...(first === undefined ? [] : [first]), ...scorePlans(run, stage), ...others];
    const figures = plans.flatMap((plan) => figure(run, stage, plan) ?? []);
    if (figures.length === 0) return [];
    return [
      html`<h3>${STAGE_TITLES[stage]}</h3>
        <div class="charts">${figures}</div>`,
    ];
  });
  if (stages.length === 0) return undefined;
  return html`<section id="curves">
    <h2>Curves</h2>
    <p class="note">
      Thin lines are every step, thick lines a moving average over a twentieth of the steps. A ring marks the
      checkpoint that was kept.
    </p>
    ${stages}
  </section>`;
}
