// Sends hook calls as an EHR does, one at a time, and shows what comes: cards, silence or an error.

import { cardView } from "./cards.js";
import { diagnostics, exchange, time } from "./exchange.js";
import { showCall } from "./inspector.js";
import { all, byId, el, icon, show } from "./page.js";
import { state } from "./state.js";
import { expected, failureVerdict, verdict } from "./verdict.js";

/** What a button does: a fresh request, the real call, and its cards in place of the earlier ones. */
export async function callHook(hook) {
  if (state.busy) return;
  clearResults(`Asking the service (${hook}) …`);
  const call = await ask(hook);
  if (!call) return;
  if (isCardAnswer(call.answer)) await showCards(call);
  else showError(call);
}

/** Sends the hook call with the drafts accepted so far; undefined when the page has moved on in the meantime. */
export async function ask(hook) {
  const turn = ++state.turn;
  state.asked = hook;
  setBusy(true);
  const call = await send(hook);
  if (turn !== state.turn) return undefined;
  setBusy(false);
  state.call = call;
  state.feedback = [];
  showCall();
  return call;
}

async function send(hook) {
  const choices = {
    procedure: byId("procedure").value,
    slot: document.querySelector('[name="slot"]:checked').value,
    performer: byId("performer").value,
    prefetch: document.querySelector('[name="prefetch"]:checked').value,
    drafts: hook === "order-sign" ? state.accepted : [], // signing signs all drafts
    visit: state.visit,
  };
  const prepared = await exchange(`patients/${encodeURIComponent(state.chart.id)}/calls/${hook}`, choices);
  if (!prepared.ok) return { hook, choices, answer: prepared };
  const { url, body, authorization } = prepared.json;
  const answer = await exchange(url, body, { headers: authorization ? { Authorization: authorization } : {} });
  const kept = answer.ok ? await exchange(`kept/${body.hookInstance}`) : undefined;
  return { hook, choices, prepared, answer, kept: kept?.json };
}

export const isCardAnswer = (answer) => answer.ok && Array.isArray(answer.json?.cards);

export function setBusy(busy) {
  state.busy = busy;
  byId("results").setAttribute("aria-busy", String(busy));
  // aria-disabled, not disabled: the button keeps the focus.
  for (const button of all("[data-hook], .accept")) button.setAttribute("aria-disabled", String(busy));
}

export function clearResults(status) {
  for (const id of ["error", "no-card", "cards", "resign-result"]) show(id);
  byId("status").textContent = status;
}

export function showError({ hook, answer }) {
  const heading = answer.status ? `${hook} was answered with an error: ${answer.status}` : `${hook} got no answer`;
  const said = answer.ok ? ["The answer has no list of cards."] : diagnostics(answer);
  byId("status").textContent = `No cards: the call failed. ${failureVerdict(hook, answer)}`.trim();
  show("error", el("strong", {}, heading), ...said.map((line) => el("p", {}, line)));
}

async function showCards({ hook, answer, kept }) {
  const cards = answer.json.cards;
  const turn = state.turn;
  const views = await Promise.all(cards.map(cardView));
  if (turn !== state.turn) return;
  const count = cards.length === 1 ? "1 card" : `${cards.length || "No"} cards`;
  byId("status").textContent = `${hook}: ${count} in ${time(answer)}. ${verdict(hook, cards, kept)}`.trim();
  if (cards.length) {
    show("cards", ...views);
    byId("results").scrollIntoView();
  } else show("no-card", icon("done"), el("span", {}, el("strong", {}, "No card. "), whyNoCard(hook, kept)));
}

const SILENCES = {
  red_flag: "The chart shows a sign of emergency: nothing may delay care.",
  urgent: "The order is urgent: nothing may delay care.",
  age: "The patient is too young for these rules.",
  deceased: "The patient has died.",
  second_opinion_exists: "A second opinion is in the chart or among the orders.",
  answered_before: "The card was answered before.",
  shown_before: "The same signed orders had their card before.",
};

/** The service's own reason, as its journal has it; else what this patient is there to show. */
function whyNoCard(hook, kept) {
  if (state.answered && !state.accepted.length) return `The card was answered before. ${state.answered}`;
  if (kept?.silenced_by) return SILENCES[kept.silenced_by] ?? kept.silenced_by;
  if (kept && !kept.kind) return "No spine operation is planned, as far as the service can see.";
  const { expect } = state.chart;
  if (!expected(hook) && expect.text?.startsWith("No card: ")) return expect.text.slice("No card: ".length);
  return "Nothing that was read is a reason for one.";
}
