/** Who may ask the page's server: on loopback this machine's browsers, elsewhere those that know the token. */

import { createHash, timingSafeEqual } from "node:crypto";
import { isIPv4 } from "node:net";

import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

const COOKIE = "earl_token";
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** True for the addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** Headers of every answer: the page runs its own scripts alone, asks nobody else, and lies in no frame. */
export function policyHeaders(importMap: string): Record<string, string> {
  const hash = createHash("sha256").update(importMap).digest("base64");
  return {
    "content-security-policy": `default-src 'none'; script-src 'self' 'sha256-${hash}'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
  };
}

/**
 * Without a token, only requests addressed to loopback pass: another site's page that made its name point here is sent
 * away. With one, it must come as `?token=` once, and is a cookie from then on. Writing takes a request of this page.
 */
export function guard(token: string | undefined): MiddlewareHandler {
  return async (context, next) => {
    const host = hostOf(context);
    if (token === undefined ? !isLoopback(host) : !isKnown(context, token)) {
      const words =
        token === undefined
          ? `This server answers on loopback alone, not to ${host}.`
          : "Open the address that `earl serve` printed: it carries the token.";
      return context.text(words, 403);
    }
    const origin = context.req.header("origin");
    if (context.req.method !== "GET" && origin !== undefined && !isOwn(origin, context.req.header("host"))) {
      return context.text("Only this server's own page may ask for that.", 403);
    }
    return next();
  };
}

function isOwn(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

function isKnown(context: Context, token: string): boolean {
  const given = context.req.query("token");
  if (given !== undefined && isSame(given, token)) {
    setCookie(context, COOKIE, token, { httpOnly: true, sameSite: "Strict", path: "/" });
    return true;
  }
  return isSame(getCookie(context, COOKIE) ?? "", token);
}

function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** The name that the request was addressed to, without its port. */
function hostOf(context: Context): string {
  return (context.req.header("host") ?? "").replace(/:\d+$/, "");
}
