/** The page: runs beside the one that is shown, and its views. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { RunCard } from "../messages.ts";
import { Curves } from "./curves.tsx";
import { useFollowed, type Following } from "./followed-run.ts";
import { Gallery } from "./gallery.tsx";
import { HeldOut } from "./held-out.tsx";
import { Judges } from "./judges.tsx";
import { Overview } from "./overview.tsx";
import { Playground } from "./playground.tsx";
import { addressOf, useRoute, VIEW_NAMES, VIEWS, type Route } from "./route.ts";
import { RunList } from "./run-list.tsx";
import { usePolled } from "./server.ts";

/** How often the list of runs is looked at. */
const LIST_SECONDS = 3;

export function App({ first }: { readonly first: string }): JSX.Element {
  const route = useRoute();
  const listed = usePolled<RunCard[]>("/api/runs", LIST_SECONDS);
  const cards = listed.answer ?? [];
  const run = route.run === "" ? (first === "" ? newestOf(cards) : first) : route.run;
  // What is none of the runs would be asked for again and again.
  const following = useFollowed(cards.some(({ id }) => id === run) ? run : "");
  useEffect(() => {
    document.title = run === "" ? "earl" : `${run} · earl`;
  }, [run]);
  const here = { run, view: route.view };
  return (
    <>
      <a class="skip" href="#content" onClick={toContent}>
        Skip to the content
      </a>
      <header>
        <p class="brand">earl</p>
        <RunList cards={cards} here={here} />
      </header>
      <div class="beside">
        <Views here={here} />
        <main id="content" tabIndex={-1}>
          {run === "" ? (
            <NoRun isAsked={listed.state !== "asking"} />
          ) : (
            <Shown here={here} following={following} cards={cards} />
          )}
        </main>
      </div>
    </>
  );
}

/** The address says which view is shown, so it cannot say where in the page somebody is. */
function toContent(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#content")?.focus();
}

/** The run that is being written, or else the last one of the list. */
function newestOf(cards: readonly RunCard[]): string {
  return (cards.find(({ state }) => state === "running" || state === "paused") ?? cards.at(-1))?.id ?? "";
}

function NoRun({ isAsked }: { readonly isAsked: boolean }): JSX.Element {
  return isAsked ? (
    <p>
      There is no run here yet. <code>earl demo</code> or <code>earl train CONFIG</code> makes one; it appears
      by itself.
    </p>
  ) : (
    <p class="soft">Looking for runs …</p>
  );
}

function Views({ here }: { readonly here: Route }): JSX.Element {
  const own = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the names are wider than the screen.
    own.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [here.view]);
  return (
    <nav aria-label="Views" class="views" ref={own}>
      {VIEWS.map((view) => (
        <a
          key={view}
          href={addressOf({ run: here.run, view })}
          aria-current={view === here.view ? "page" : undefined}
        >
          {VIEW_NAMES[view]}
        </a>
      ))}
    </nav>
  );
}

interface ShownProps {
  readonly here: Route;
  readonly following: Following;
  readonly cards: readonly RunCard[];
}

function Shown({ here, following, cards }: ShownProps): JSX.Element {
  const { run, summary, isConnected } = following;
  const isUnknown = summary === undefined && cards.length > 0 && !cards.some(({ id }) => id === here.run);
  if (isUnknown && here.view !== "playground") {
    return (
      <p>
        There is no run <b>{here.run}</b> here. Choose one above.
      </p>
    );
  }
  return (
    <>
      <h1>
        {VIEW_NAMES[here.view]} <small>{here.run}</small>
      </h1>
      {!isConnected && (
        <p class="alert" role="alert">
          The server does not answer; what stands here may be old. The page looks for it.
        </p>
      )}
      {summary?.fault !== undefined && (
        <p class="alert" role="alert">
          {summary.fault} What stands here is what was read up to there.
        </p>
      )}
      {here.view === "playground" ? (
        <Playground run={here.run} />
      ) : run === undefined || summary === undefined ? (
        <p class="soft">Reading the run …</p>
      ) : (
        <View view={here.view} run={run} summary={summary} cards={cards} />
      )}
    </>
  );
}

interface ViewProps {
  readonly view: Route["view"];
  readonly run: NonNullable<Following["run"]>;
  readonly summary: NonNullable<Following["summary"]>;
  readonly cards: readonly RunCard[];
}

function View({ view, run, summary, cards }: ViewProps): JSX.Element | null {
  switch (view) {
    case "overview":
      return <Overview summary={summary} />;
    case "curves":
      return <Curves run={run} summary={summary} cards={cards} />;
    case "gallery":
      return <Gallery summary={summary} />;
    case "held-out":
      return <HeldOut summary={summary} />;
    case "judges":
      return <Judges run={run} summary={summary} />;
    case "playground":
      return null;
    default:
      return view satisfies never;
  }
}
