// Calls to the API that everyone else uses, too.

const TIMEOUT_MS = 30000;

/** The answer as `{status, body, retryS}`; status 0 if none came. Throws only if `signal` was aborted. */
export async function call(path, body, signal) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const type = response.headers.get("Content-Type") ?? "";
    return {
      status: response.status,
      body: type.includes("json") ? await response.json() : null,
      retryS: Number(response.headers.get("Retry-After")) || 5,
    };
  } catch (error) {
    if (signal?.aborted) throw error;
    return { status: 0, body: null, retryS: 5 };
  }
}

/** Has one request in flight. What is asked meanwhile waits, and only the newest of it is asked; stale answers go. */
export class Latest {
  #asking = false;
  #next = null;

  constructor(ask, show) {
    this.ask = ask;
    this.show = show;
  }

  async push(question) {
    this.#next = question;
    if (this.#asking) return;
    this.#asking = true;
    while (this.#next) {
      const current = this.#next;
      this.#next = null;
      const answer = await this.ask(current);
      if (!this.#next) this.show(answer, current);
    }
    this.#asking = false;
  }
}

/** What to do about an answer that is none: `again` says whether the same request may succeed later. */
export function trouble({ status, body, retryS }) {
  if (status === 0) return { text: "There is no connection to the service.", again: true };
  if (status === 401 || status === 403) return { text: "The service answers only with a token.", token: true };
  if (status === 429 || status === 503) {
    const text = `The service is busy, or its model is being loaded. Next attempt in ${retryS} s.`;
    return { text, again: true, retryS };
  }
  return { text: body?.detail ?? `The service answered with status ${status}.`, again: true };
}
