// Talks to the server: one HTTP exchange, measured, and what an answer says. Addresses are relative to /sandbox/.

/** A failed connection is an answer too (status 0), with words to show. */
export async function exchange(url, body, { method = "POST", headers = {} } = {}) {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const post = { method, body: sent, headers: { "Content-Type": "application/json", ...headers } };
  const start = performance.now();
  try {
    const response = await fetch(url, sent === undefined ? {} : post);
    const text = await response.text();
    const milliseconds = performance.now() - start;
    return { status: response.status, ok: response.ok, text, json: parsed(text), sent, milliseconds };
  } catch (problem) {
    const text = `No answer from the server (${problem.message}). Is it still running?`;
    return { status: 0, ok: false, text, json: undefined, sent, milliseconds: performance.now() - start };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // shown as text
  }
}

/** What an error answer says: its OperationOutcome's diagnostics, else its text. */
export function diagnostics(answer) {
  const issues = answer.json?.issue ?? [];
  const said = issues.map((issue) => issue.diagnostics ?? issue.details?.text ?? issue.code).filter(Boolean);
  return said.length ? said : [answer.text.trim().slice(0, 400) || "The answer is empty."];
}

export const milliseconds = (taken) => `${taken < 10 ? taken.toFixed(1) : Math.round(taken)} ms`;
export const time = (answer) => milliseconds(answer.milliseconds);

export function bytes(count) {
  return count < 1000 ? `${count} bytes` : `${(count / 1000).toFixed(1)} kB`;
}

export const size = (text) => bytes(new Blob([text ?? ""]).size);

/** A token for one call, signed by this EHR as the CDS Hooks specification says; each can be used once. */
export async function signed(path, visit) {
  const answer = await exchange("tokens", { path, visit });
  return answer.ok ? { Authorization: answer.json.authorization } : {};
}
