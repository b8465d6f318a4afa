// Asking the service: the token goes along as a header, answers are JSON, errors are problems.

const KEPT_AS = "homecoming.token";
const PATIENCE_MS = 15_000;

/** An answer that is an error, or none at all (`status` 0). */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The token of this tab; storage may be forbidden, then it lives as long as the page. */
class Token {
  #held = null;

  constructor() {
    try {
      this.#held = sessionStorage.getItem(KEPT_AS);
    } catch {
      this.#held = null;
    }
  }

  get value() {
    return this.#held;
  }

  keep(value) {
    this.#held = value;
    try {
      if (value === null) sessionStorage.removeItem(KEPT_AS);
      else sessionStorage.setItem(KEPT_AS, value);
    } catch {
      // Then it is gone with the page.
    }
  }
}

export const token = new Token();

export function headers(more = {}) {
  return token.value === null ? more : { ...more, Authorization: `Bearer ${token.value}` };
}

/** Why an answer is none, in its own words where it has some. */
export async function problemOf(response) {
  try {
    const body = await response.json();
    return new Problem(response.status, String(body.detail ?? body.title ?? response.statusText));
  } catch {
    return new Problem(response.status, response.statusText || `status ${response.status}`);
  }
}

/** The answer at a path of the API. */
export async function ask(path, { signal } = {}) {
  const late = AbortSignal.timeout(PATIENCE_MS);
  const until = signal ? AbortSignal.any([signal, late]) : late;
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { headers: headers({ Accept: "application/json" }), cache: "no-store", credentials: "omit", redirect: "error", signal: until });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, late.aborted ? "no answer came in time" : "nothing answers");
  }
  if (!response.ok) throw await problemOf(response);
  try {
    return await response.json();
  } catch {
    throw new Problem(0, "the answer broke off");
  }
}
