/** What the page asks its server. */

import { useEffect, useState } from "preact/hooks";

/** The JSON of an address. Throws the server's words where it has none. */
export async function ask<Answer>(address: string, signal?: AbortSignal): Promise<Answer> {
  const response = await fetch(address, signal === undefined ? {} : { signal });
  if (!response.ok) throw new Error(await problemOf(response));
  return (await response.json()) as Answer;
}

/** Why an answer is no good, as a sentence. */
export async function problemOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { problem } = JSON.parse(text) as { problem?: string };
    return problem ?? text;
  } catch {
    return text === "" ? `The server answered ${response.status}.` : text;
  }
}

export type Asked<Answer> =
  | { readonly state: "asking"; readonly answer?: Answer }
  | { readonly state: "answered"; readonly answer: Answer }
  | { readonly state: "failed"; readonly problem: string; readonly answer?: Answer };

/**
 * The JSON of an address, asked again whenever the address or `version` changes; the old answer stays until the new one
 * is there. Undefined asks nothing.
 */
export function useAnswer<Answer>(address: string | undefined, version: unknown = 0): Asked<Answer> {
  const [asked, setAsked] = useState<Asked<Answer> & { readonly address?: string | undefined }>({
    state: "asking",
  });
  useEffect(() => {
    if (address === undefined) return undefined;
    const gone = new AbortController();
    ask<Answer>(address, gone.signal).then(
      (answer) => setAsked({ state: "answered", answer, address }),
      (error: unknown) => {
        if (gone.signal.aborted) return;
        setAsked({
          state: "failed",
          problem: error instanceof Error ? error.message : String(error),
          address,
        });
      },
    );
    return () => gone.abort();
  }, [address, version]);
  return asked.address === address ? asked : { state: "asking" };
}

/** Asks an address again every `seconds`. */
export function usePolled<Answer>(address: string, seconds: number): Asked<Answer> {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setCount((before) => before + 1), 1000 * seconds);
    return () => clearInterval(timer);
  }, [seconds]);
  return useAnswer<Answer>(address, count);
}

/** Address of a picture of a run. */
export function imageAddress(run: string, name: string): string {
  return `/api/runs/${encodeURIComponent(run)}/images/${encodeURIComponent(name)}`;
}
