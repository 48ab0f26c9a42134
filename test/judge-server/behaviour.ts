/** What a judge's server may do with a request: the right thing, or what real servers and networks have been seen to do. */

export type Behaviour =
  | {
      readonly does: "replies";
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: string;
    }
  /** Takes the request and never replies. */
  | { readonly does: "hangs" }
  /** Begins a reply that never ends. */
  | { readonly does: "stalls"; readonly beginning: string }
  /** Sends half of what it promised, and closes. */
  | { readonly does: "breaks off"; readonly body: string }
  | { readonly does: "resets" }
  | { readonly does: "waits"; readonly milliseconds: number; readonly next: Behaviour }
  /** Goes away with all its connections. */
  | { readonly does: "dies" };

export interface CompletionParts {
  readonly content?: unknown;
  readonly finish?: string | null;
  readonly usage?: unknown;
  readonly logprobs?: unknown;
  /** Further fields of the message. */
  readonly message?: Record<string, unknown>;
}

/** A chat completion as vLLM words it. */
export function completion(parts: CompletionParts): Behaviour {
  const { finish = "stop", message, logprobs = null } = parts;
  const content = "content" in parts ? parts.content : null;
  const usage =
    "usage" in parts ? parts.usage : { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
  return json({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 0,
    model: "judge",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, ...message },
        logprobs,
        finish_reason: finish,
        stop_reason: null,
      },
    ],
    usage,
    prompt_logprobs: null,
    kv_transfer_params: null,
  });
}

/** The model says so. */
export function says(content: string): Behaviour {
  return completion({ content });
}

/** The scores as they were asked for. */
export function scores(one: number, two: number, reasoning = "as asked"): Behaviour {
  return says(JSON.stringify({ score: [one, two], reasoning }));
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Behaviour {
  return {
    does: "replies",
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(value),
  };
}

export function fails(status: number, message = "no", headers: Record<string, string> = {}): Behaviour {
  return json({ error: { message, type: "error", code: status } }, status, headers);
}

export function throttles(retryAfter?: string): Behaviour {
  return fails(429, "slow down", retryAfter === undefined ? {} : { "retry-after": retryAfter });
}

export function text(body: string, status = 200, contentType = "text/html"): Behaviour {
  return { does: "replies", status, headers: { "content-type": contentType }, body };
}
