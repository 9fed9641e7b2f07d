// The inspector: the last call in parts, each as it was sent, answered or kept, and each to copy.

import { bytes, milliseconds, signed, size, time } from "./exchange.js";
import { jsonTree } from "./json_tree.js";
import { byId, el, tabs } from "./page.js";
import { state } from "./state.js";
import { asCurl, decoded } from "./wire_words.js";

let part = "request";

/** Each part: a line of facts, its JSON, and how deep that is open; null where there is nothing to show yet. */
const PARTS = {
  request: ({ hook, prepared, answer }) => [
    `POST /cds-services/second-opinion-${hook} · ${size(answer.sent)}`,
    withLanesNamed(prepared.json.body),
    3,
  ],
  prefetch: ({ prepared }) => [
    `Filled in ${milliseconds(prepared.json.milliseconds)}, from ${prepared.json.body.fhirServer}`,
    prepared.json.body.prefetch ?? null,
    1,
    laneTable(prepared.json.lanes),
  ],
  answer: ({ answer }) => [
    `${answer.status || "no answer"} · ${time(answer)} · ${size(answer.text)}`,
    answer.json === undefined ? answer.text : answer.json,
    3,
  ],
  timings: ({ prepared, answer, kept }) => ["Milliseconds", timings(prepared, answer, kept), 2],
  token: ({ prepared }) => ["Signed by this EHR (CDS Hooks, section Security); good once", decoded(prepared.json.authorization), 4],
  feedback: () => [
    state.feedback.length ? "Sent to the service" : "No answer was given to a card of this call yet.",
    state.feedback.length ? state.feedback.map(({ path, body, answer }) => ({ path, body, status: answer.status })) : null,
    6,
  ],
  journal: ({ kept }) => [
    kept ? "What the service keeps of this call: keyed hashes, no name and no chart" : "Nothing was kept of this call.",
    kept ?? null,
    3,
  ],
};

/** The prefetch has a part of its own: here it is only named. */
function withLanesNamed({ prefetch, ...body }) {
  return prefetch ? { ...body, prefetch: `see Prefetch: ${Object.keys(prefetch).join(", ")}` } : body;
}

export function startInspector() {
  const choose = tabs(document.querySelector(".parts"), (button) => {
    part = button.dataset.part;
    showCall();
  });
  choose("part-request");
  byId("copy-part").addEventListener("click", (event) => copy(event.target, JSON.stringify(shown()[1], null, 2)));
  byId("copy-curl").addEventListener("click", async (event) => copy(event.target, await curl()));
}

/** Shows the chosen part of the last call; of none, a hint. */
export function showCall() {
  const call = state.call?.prepared ? state.call : null;
  byId("wire-hint").hidden = Boolean(call);
  byId("part-facts").hidden = !call;
  byId("copy-curl").disabled = !call;
  byId("copy-part").disabled = !call || !shown()[1];
  byId("part-body").replaceChildren();
  if (!call) return;
  const [line, json, open, ...above] = shown();
  byId("part-facts").textContent = line;
  const tree = json === null ? [] : [typeof json === "string" ? json : jsonTree(json, open)];
  byId("part-body").replaceChildren(...above, el("div", { class: "json", id: `${part}-json` }, ...tree));
}

const shown = () => PARTS[part](state.call);

/** With a token of its own: the one that was sent is spent. */
async function curl() {
  const { hook, prepared } = state.call;
  const path = `/cds-services/second-opinion-${hook}`;
  return asCurl(new URL(`..${path}`, location.href).href, prepared.json.body, await signed(path, state.visit));
}

function laneTable(lanes) {
  const head = el("tr", {}, ...["Lane", "State", "Entries", "Size", "Time"].map((title) => el("th", { scope: "col" }, title)));
  const rows = lanes.map((lane) =>
    el(
      "tr",
      { title: lane.query },
      el("th", { scope: "row" }, lane.name),
      el("td", {}, lane.state),
      el("td", {}, lane.entries === null ? "" : String(lane.entries)),
      el("td", {}, lane.size ? bytes(lane.size) : ""),
      el("td", {}, lane.milliseconds ? milliseconds(lane.milliseconds) : ""),
    ),
  );
  return el("table", { class: "lanes" }, el("caption", { class: "unseen" }, "Prefetch by lane"), el("thead", {}, head), el("tbody", {}, ...rows));
}

function timings(prepared, answer, kept) {
  const tenths = (value) => Math.round(value * 10) / 10;
  return {
    "mock EHR: preparing the call": tenths(prepared.json.milliseconds),
    "browser: sent until answered": tenths(answer.milliseconds),
    ...(kept?.timing && {
      "service: the whole answer": tenths(kept.timing.total),
      "service: of that, looking up": tenths(kept.timing.look_up ?? 0),
    }),
  };
}

async function copy(button, text) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => (button.textContent = label), 1500);
}

export function toggleInspector(button) {
  const hide = !byId("wire").hidden;
  byId("wire").hidden = hide;
  button.setAttribute("aria-expanded", String(!hide));
  button.textContent = hide ? "Show the inspector" : "Hide the inspector";
}
