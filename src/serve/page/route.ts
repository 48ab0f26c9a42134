/** Where in the page somebody is; it stands in the address, so that a link leads there again. */

import { useEffect, useState } from "preact/hooks";

export const VIEWS = ["overview", "curves", "gallery", "held-out", "judges", "playground"] as const;
export type View = (typeof VIEWS)[number];

export const VIEW_NAMES: Readonly<Record<View, string>> = {
  overview: "Overview",
  curves: "Curves",
  gallery: "Gallery",
  "held-out": "Held-out",
  judges: "Judges",
  playground: "Playground",
};

export interface Route {
  /** The run's folder; "" where none is chosen. */
  readonly run: string;
  readonly view: View;
}

export function routeOf(hash: string): Route {
  const [run = "", view = ""] = hash.replace(/^#\/?/, "").split("/");
  return {
    run: decoded(run),
    view: VIEWS.find((one) => one === view) ?? "overview",
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

export function addressOf({ run, view }: Route): string {
  return `#/${encodeURIComponent(run)}/${view}`;
}

/** The route that the address says now. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return routeOf(hash);
}
