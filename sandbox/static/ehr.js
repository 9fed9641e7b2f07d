// The mock EHR's page: shows a teaching chart, sends CDS Hooks calls to the service and renders its cards.
// Addresses are relative to /sandbox/, so that the page also works below a path prefix.

const SERVICES = "../cds-services/second-opinion-";
const INDICATORS = ["info", "warning", "critical"]; // rising
const WORDS = { info: "Info", warning: "Warning", critical: "Critical", none: "No card" };

const ALL_LEVELS = 99; // of JSON, unfolded

// `turn` grows with every patient or call: an answer that belongs to an earlier one is dropped.
const state = { chart: null, accepted: [], messages: {}, busy: false, turn: 0 };

const byId = (id) => document.getElementById(id);
const all = (selector) => document.querySelectorAll(selector);

// ---------------------------------------------------------------- building the page

/** An element from attributes and children; strings become text, so nothing in a chart or a card can become markup. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== "" && child !== false));
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value);
  return known.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
}

function show(id, ...content) {
  const node = byId(id);
  node.replaceChildren(...content);
  node.hidden = content.length === 0;
}

// ---------------------------------------------------------------- talking to the server

/** One HTTP exchange, measured; a failed connection is an answer too (status 0), with words to show. */
async function exchange(url, body) {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const post = { method: "POST", body: sent, headers: { "Content-Type": "application/json" } };
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
function diagnostics(answer) {
  const issues = answer.json?.issue ?? [];
  const said = issues.map((issue) => issue.diagnostics ?? issue.details?.text ?? issue.code).filter(Boolean);
  return said.length ? said : [answer.text.trim().slice(0, 400) || "The answer is empty."];
}

// ---------------------------------------------------------------- patients and chart

async function choose(id) {
  const turn = ++state.turn;
  const answer = await exchange(`patients/${encodeURIComponent(id)}`);
  if (turn !== state.turn) return;
  if (!answer.ok) return showLoadProblem(answer);
  // A server of its own for every choice: what was answered before was about another server's patient.
  const ehr = `https://mock-ehr.example/${crypto.randomUUID()}`;
  Object.assign(state, { chart: answer.json, accepted: [], answered: "", messages: {}, ehr });
  setBusy(false);
  markChosen(id);
  history.replaceState(null, "", `#${id}`);
  showBanner(state.chart);
  showOrder(state.chart);
  byId("chart").replaceChildren(...state.chart.sections.map(chartSection));
  clearResults("Nothing was asked yet.");
  clearMessages();
  byId("welcome").hidden = true;
  byId("workspace").hidden = false;
  byId("main").scrollTo({ top: 0 });
}

function showLoadProblem(answer) {
  byId("workspace").hidden = true;
  byId("welcome").hidden = false;
  show("load-problem", diagnostics(answer).join(" "));
}

function markChosen(id) {
  show("load-problem");
  for (const button of all("[data-patient]")) {
    if (button.dataset.patient === id) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

function showBanner({ banner, title }) {
  document.title = `${banner.name}: ${title}. Mock EHR`;
  byId("patient-name").textContent = banner.name;
  byId("patient-facts").replaceChildren(
    ...facts([
      ["Age", `${banner.age}, ${banner.sex}`],
      ["Born", banner.born],
      ["MRN", banner.mrn],
      ["Visit", banner.visit],
      ["Signed in", banner.user],
    ]),
  );
}

function showOrder({ order, expect }) {
  byId("order-title").textContent = order.what;
  const reasons = el("ul", {}, ...order.reasons.map((reason) => el("li", {}, reason)));
  byId("order-facts").replaceChildren(
    ...facts([
      ["Code", order.code],
      ["Planned", order.planned],
      ["Priority", order.priority],
      ["Note", order.note],
      ["Reason", reasons],
    ]),
  );
  byId("expectation").textContent = expect.text;
}

function chartSection(section) {
  const rows = section.rows.length ? section.rows.map(chartRow) : [el("li", { class: "none" }, "None recorded.")];
  const title = `chart-${section.id}-title`;
  return el(
    "section",
    { class: "panel part", id: `chart-${section.id}`, "aria-labelledby": title },
    el("h3", { id: title }, section.title, el("span", { class: "count" }, String(section.rows.length))),
    section.refused && refusal(section.refused),
    el("ul", { class: "rows" }, ...rows),
  );
}

function refusal(answer) {
  const said = el("span", {}, "You see this part. The service does not: it is answered ", el("b", {}, answer));
  return el("p", { class: "refused" }, icon("lock"), said);
}

function chartRow(row) {
  return el(
    "li",
    {},
    el("div", { class: "row-head" }, el("span", { class: "what" }, row.what), el("span", { class: "when" }, row.when)),
    row.note && el("p", { class: "note" }, row.note),
    (row.status || row.code) &&
      el(
        "p",
        { class: "row-foot" },
        row.status && el("span", { class: "state", "data-state": row.status }, row.status),
        row.code && el("span", { class: "code" }, row.code),
      ),
  );
}

// ---------------------------------------------------------------- calling a hook

/** What a button does: a fresh request, the real call, and its cards in place of the earlier ones. */
async function callHook(hook) {
  if (state.busy) return;
  clearResults(`Asking the service (${hook}) …`);
  const answer = await ask(hook);
  if (!answer) return;
  if (isCardAnswer(answer)) await showCards(hook, answer);
  else showError(hook, answer);
}

/** Sends the hook call with the drafts accepted so far; undefined when the page has moved on in the meantime. */
async function ask(hook) {
  const turn = ++state.turn;
  state.asked = hook;
  setBusy(true);
  const answer = await send(hook);
  if (turn !== state.turn) return undefined;
  setBusy(false);
  if (answer.body) showMessages(hook, answer);
  return answer;
}

async function send(hook) {
  const prepared = await exchange(`patients/${state.chart.id}/requests/${hook}`);
  if (!prepared.ok) return prepared;
  const body = { ...prepared.json, fhirServer: state.ehr };
  // Signing signs all drafts; selecting is about the one order.
  const drafts = hook === "order-sign" ? state.accepted.map((resource) => ({ resource })) : [];
  if (drafts.length) body.context.draftOrders.entry.push(...drafts);
  return { ...(await exchange(SERVICES + hook, body)), body };
}

const isCardAnswer = (answer) => answer.ok && Array.isArray(answer.json?.cards);

function setBusy(busy) {
  state.busy = busy;
  byId("results").setAttribute("aria-busy", String(busy));
  // aria-disabled, not disabled: the button keeps the focus.
  for (const button of all("[data-hook], .accept")) button.setAttribute("aria-disabled", String(busy));
}

function clearResults(status) {
  for (const id of ["error", "no-card", "cards", "resign-result"]) show(id);
  byId("status").textContent = status;
}

function showError(hook, answer) {
  const heading = answer.status ? `${hook} was answered with an error: ${answer.status}` : `${hook} got no answer`;
  const said = answer.ok ? ["The answer has no list of cards."] : diagnostics(answer);
  byId("status").textContent = "No cards: the call failed.";
  show("error", el("strong", {}, heading), ...said.map((line) => el("p", {}, line)));
}

/** The indicator this patient is there to show; undefined for no card, as when a referral is among the drafts. */
function expected(hook) {
  return hook === "order-sign" && state.accepted.length ? undefined : (state.chart.expect[hook] ?? undefined);
}

function verdict(hook, cards) {
  if (state.answered) return "This follows from your answer.";
  const due = expected(hook) ?? "none";
  const got = strongest(cards);
  return got === due ? "As expected." : `Not as expected: this should give "${WORDS[due]}".`;
}

function strongest(cards) {
  const levels = cards.map((card) => INDICATORS.indexOf(card.indicator));
  return cards.length ? (INDICATORS[Math.max(...levels)] ?? "info") : "none";
}

async function showCards(hook, answer) {
  const cards = answer.json.cards;
  const turn = state.turn;
  const views = await Promise.all(cards.map(cardView));
  if (turn !== state.turn) return;
  const count = cards.length === 1 ? "1 card" : `${cards.length || "No"} cards`;
  byId("status").textContent = `${hook}: ${count} in ${time(answer)}. ${verdict(hook, cards)}`;
  if (cards.length) show("cards", ...views);
  else show("no-card", icon("done"), el("span", {}, el("strong", {}, "No card. "), whyNoCard(hook)));
}

function whyNoCard(hook) {
  const { expect } = state.chart;
  if (state.answered && !state.accepted.length) return `The card was answered before. ${state.answered}`;
  if (expected(hook)) return "";
  if (!expect["order-sign"]) return expect.text.replace(/^No card: (.)/, (_, first) => first.toUpperCase());
  if (hook === "order-sign") return "A referral for a second opinion is among the orders now.";
  return "The order is not signed yet and not in the chart, so there is nothing to say.";
}

// ---------------------------------------------------------------- cards

async function cardView(card) {
  const label = `card-${card.uuid ?? state.turn}`;
  const view = el(
    "article",
    { class: "card", "data-indicator": card.indicator, "aria-labelledby": label },
    cardHead(card),
    el("h3", { id: label, class: "summary" }, card.summary),
    await detailView(card),
  );
  const outcome = el("div", { class: "outcome", role: "status", tabindex: "-1" });
  view.append(...[suggestionsView(card, view), linksView(card), overrideView(card, view)].filter(Boolean), outcome);
  return view;
}

function cardHead(card) {
  const source = card.source?.url ? outside(card.source.url, card.source.label) : card.source?.label;
  const known = INDICATORS.includes(card.indicator) ? card.indicator : "info";
  return el(
    "header",
    {},
    el("p", { class: "chip", "data-indicator": known }, icon(known), WORDS[card.indicator] ?? card.indicator),
    el("p", { class: "source" }, "From ", source ?? "an unnamed source"),
  );
}

async function detailView(card) {
  if (!card.detail) return "";
  const rendered = await exchange("markdown", { text: card.detail });
  const view = el("div", { class: "detail" });
  // The server renders with HTML turned off; without it the markdown is shown as it is.
  if (rendered.ok) view.innerHTML = rendered.json.html;
  else view.textContent = card.detail;
  return view;
}

/** A link out of the page; an address that is not http(s) is shown, never followed. */
function outside(url, label) {
  if (!/^https?:\/\//i.test(url)) return el("span", {}, `${label} (${url})`);
  return el("a", { href: url, target: "_blank", rel: "noopener" }, label);
}

function linksView(card) {
  if (!card.links?.length) return undefined;
  const items = card.links.map((link) =>
    el("li", {}, outside(link.url, link.label), link.type === "smart" && el("span", { class: "tag" }, "SMART app")),
  );
  return el("ul", { class: "links", "aria-label": "Links" }, ...items);
}

function suggestionsView(card, view) {
  if (!card.suggestions?.length) return undefined;
  const items = card.suggestions.map((suggestion) => suggestionView(card, suggestion, view));
  return el("section", { class: "suggestions" }, el("h4", {}, "Suggested"), el("ul", {}, ...items));
}

function suggestionView(card, suggestion, view) {
  const actions = suggestion.actions ?? [];
  const recommended = suggestion.isRecommended;
  const button = el("button", { type: "button", class: recommended ? "accept primary" : "accept" }, suggestion.label);
  button.addEventListener("click", () => accept(card, suggestion, button, view));
  return el(
    "li",
    {},
    el("div", { class: "suggestion-head" }, button, recommended && el("span", { class: "tag" }, "Recommended")),
    ...actions.map((action) => el("p", { class: "note" }, action.description)),
    ...actions.filter((action) => action.resource).map(resourceView),
  );
}

function resourceView(action) {
  const title = `Exactly what would be ${action.type}d: ${action.resource.resourceType}`;
  const body = el("div", { class: "json" }, jsonTree(action.resource, ALL_LEVELS));
  return el("details", { class: "resource" }, el("summary", {}, title), body);
}

// ---------------------------------------------------------------- answering a card

/** Accepts as an EHR does: the draft joins the orders, and signing starts again with it among them. */
async function accept(card, suggestion, button, view) {
  if (state.busy || view.dataset.answered === "overridden" || button.dataset.accepted) return;
  button.dataset.accepted = "true";
  button.classList.remove("primary");
  button.textContent = `Accepted: ${suggestion.label}`;
  const creating = (suggestion.actions ?? []).filter((action) => action.type === "create");
  const created = creating.map((action) => draft(action.resource));
  state.accepted.push(...created);
  created.forEach(addToOrders);
  view.dataset.answered = "accepted";
  view.querySelector(".override")?.remove();
  const feedback = { card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }], ...stamp() };
  await sendFeedback(view, "Accepted. The draft referral is now among the orders.", feedback);
  await signAgain();
}

/** The EHR, not the service, gives a created order its id. */
const draft = (resource) => ({ ...resource, id: crypto.randomUUID() });

function addToOrders(resource) {
  const code = resource.code ?? {};
  const what = code.text ?? code.coding?.[0]?.display ?? resource.resourceType;
  const row = { what, when: "just now", status: resource.status, code: "", note: "From the card's suggestion" };
  const rows = byId("chart-orders").querySelector(".rows");
  rows.querySelector(".none")?.remove();
  rows.prepend(chartRow(row));
  byId("chart-orders").querySelector(".count").textContent = String(rows.children.length);
}

async function signAgain() {
  const answer = await ask("order-sign");
  if (!answer) return;
  if (!isCardAnswer(answer)) return showError("order-sign", answer);
  const cards = answer.json.cards;
  byId("resign-result").dataset.cards = String(cards.length);
  const said = cards.length
    ? `Signed again together with the referral: ${cards.length} further card(s). There should be none.`
    : "Signed again together with the referral: no second card. The service knows its own referral.";
  show("resign-result", icon(cards.length ? "warning" : "done"), el("span", {}, said));
  byId("status").textContent = `order-sign, again: ${cards.length || "no"} cards in ${time(answer)}.`;
  if (cards.length) byId("cards").append(...(await Promise.all(cards.map(cardView))));
}

function overrideView(card, view) {
  const reasons = card.overrideReasons ?? [];
  const options = reasons.map((reason, index) => el("option", { value: index }, reason.display));
  const select = el("select", { name: "reason" }, el("option", { value: "" }, "No reason given"), ...options);
  const dismiss = (event) => {
    event.preventDefault();
    override(card, reasons[select.value], view);
  };
  const label = el("label", {}, el("span", {}, "Not now, because"), select);
  return el("form", { class: "override", submit: dismiss }, label, el("button", { type: "submit" }, "Dismiss"));
}

async function override(card, reason, view) {
  view.dataset.answered = "overridden";
  for (const part of view.querySelectorAll(".override, .suggestions, .detail, .links")) part.remove();
  const why = reason && { overrideReason: { reason } };
  const feedback = { card: card.uuid, outcome: "overridden", ...why, ...stamp() };
  await sendFeedback(view, `Dismissed${reason ? `: ${reason.display}` : ", no reason given"}.`, feedback);
  view.querySelector(".outcome").focus(); // the button that had the focus is gone
}

const stamp = () => ({ outcomeTimestamp: new Date().toISOString() });

/** Tells the service what became of its card; what it answered is shown, and so is an answer that it did not take. */
async function sendFeedback(view, said, feedback) {
  const answer = await exchange(`${SERVICES}${state.asked}/feedback`, { feedback: [feedback] });
  if (answer.ok) state.answered = said;
  const sent = answer.ok
    ? `Sent, and stored in ${time(answer)}. Later calls about this operation take it into account; choose the patient again to begin anew.`
    : `Not stored (${answer.status || "no answer"}): ${diagnostics(answer).join(" ")}`;
  const body = el("div", { class: "json" }, jsonTree({ feedback: [feedback] }, ALL_LEVELS));
  view.querySelector(".outcome").replaceChildren(
    el("p", {}, icon(answer.ok ? "done" : "warning"), el("strong", {}, said)),
    el("p", { class: "note" }, sent),
    el("details", { class: "resource" }, el("summary", {}, "Feedback"), body),
  );
}

// ---------------------------------------------------------------- the messages

function showMessages(hook, answer) {
  state.messages = { request: JSON.stringify(answer.body, null, 2), response: prettily(answer) };
  byId("request-facts").textContent = `POST /cds-services/second-opinion-${hook} · ${size(answer.sent)}`;
  byId("response-facts").textContent = `${answer.status || "no answer"} · ${time(answer)} · ${size(answer.text)}`;
  byId("request-json").replaceChildren(jsonTree(answer.body, 2));
  byId("response-json").replaceChildren(answer.json === undefined ? answer.text : jsonTree(answer.json, 3));
  byId("wire-hint").hidden = true;
  for (const button of all("[data-copy]")) button.disabled = false;
}

function clearMessages() {
  for (const id of ["request-json", "response-json", "request-facts", "response-facts"]) byId(id).replaceChildren();
  for (const button of all("[data-copy]")) button.disabled = true;
  byId("wire-hint").hidden = false;
}

const prettily = (answer) => (answer.json === undefined ? answer.text : JSON.stringify(answer.json, null, 2));
const time = ({ milliseconds: taken }) => `${taken < 10 ? taken.toFixed(1) : Math.round(taken)} ms`;

function size(text) {
  const bytes = new Blob([text]).size;
  return bytes < 1000 ? `${bytes} bytes` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** JSON with every object foldable; the words on a folded line are CSS, so the text stays exactly the JSON. */
function jsonTree(value, openLevels, key, last = true) {
  const name = key === undefined ? [] : [el("span", { class: "json-key" }, JSON.stringify(key)), ": "];
  const comma = last ? "" : ",";
  const items = value !== null && typeof value === "object" ? Object.entries(value) : [];
  const scalar = el("span", { class: `json-${typeof value}` }, JSON.stringify(value));
  if (!items.length) return el("div", {}, ...name, scalar, comma);
  const list = Array.isArray(value);
  const children = items.map(([itemKey, item], index) =>
    jsonTree(item, openLevels - 1, list ? undefined : itemKey, index === items.length - 1),
  );
  const folded = ` ${foldedWords(value, items.length)} ${list ? "]" : "}"}${comma}`;
  return el(
    "details",
    { open: openLevels > 0 },
    el("summary", { "data-folded": folded }, ...name, list ? "[" : "{"),
    el("div", { class: "json-items" }, ...children),
    el("div", {}, (list ? "]" : "}") + comma),
  );
}

function foldedWords(value, count) {
  if (value.resourceType === "Bundle") return `Bundle of ${value.entry?.length ?? 0}`;
  return value.resourceType ?? (Array.isArray(value) ? `${count} in list` : `${count} inside`);
}

async function copy(button) {
  const label = button.firstChild;
  try {
    await navigator.clipboard.writeText(state.messages[button.dataset.copy]);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Not allowed";
  }
  setTimeout(() => (label.textContent = "Copy"), 1500);
}

function toggleMessages(button) {
  const hide = !byId("wire").hidden;
  byId("wire").hidden = hide;
  button.setAttribute("aria-expanded", String(!hide));
  button.textContent = hide ? "Show the messages" : "Hide the messages";
}

// ---------------------------------------------------------------- start

function chooseFromAddress() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (document.querySelector(`[data-patient="${CSS.escape(id)}"]`)) choose(id);
}

function onClick(selector, act) {
  for (const button of all(selector)) button.addEventListener("click", () => act(button));
}

function start() {
  onClick("[data-patient]", (button) => choose(button.dataset.patient));
  onClick("[data-start]", (button) => choose(button.dataset.start));
  onClick("[data-hook]", (button) => callHook(button.dataset.hook));
  onClick("[data-copy]", copy);
  onClick("#toggle-wire", toggleMessages);
  addEventListener("hashchange", chooseFromAddress);
  chooseFromAddress();
}

start();
