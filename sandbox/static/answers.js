// Answers a card as an EHR does: creates what was accepted, signs again, and tells the service what became of its card.

import { ask, isCardAnswer, showError } from "./calls.js";
import { cardView } from "./cards.js";
import { showSections } from "./chart.js";
import { diagnostics, exchange, signed, time } from "./exchange.js";
import { showCall } from "./inspector.js";
import { jsonTree } from "./json_tree.js";
import { byId, el, icon, show } from "./page.js";
import { state } from "./state.js";

const ALL_LEVELS = 99; // of JSON, unfolded

/** The draft joins the orders on the FHIR server, and signing starts again with it among them. */
export async function accept(card, suggestion, button, view) {
  if (state.busy || view.dataset.answered === "overridden" || button.dataset.accepted) return;
  button.dataset.accepted = "true";
  const creating = (suggestion.actions ?? []).filter((action) => action.type === "create");
  const created = await Promise.all(creating.map((action) => create(action.resource)));
  const failed = created.find((answer) => !answer.ok);
  if (failed) return notCreated(view, button, failed);
  button.classList.remove("primary");
  button.textContent = `Accepted: ${suggestion.label}`;
  state.accepted.push(...created.map((answer) => answer.json.resource));
  view.dataset.answered = "accepted";
  view.querySelector(".override")?.remove();
  await showChartAgain();
  const accepted = { card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }], ...stamp() };
  const where = created.map((answer) => answer.json.reference).join(", ");
  await sendFeedback(view, `Accepted. The draft referral is now among the orders: ${where}.`, accepted);
  await signAgain();
}

const create = (resource) => exchange(`patients/${encodeURIComponent(state.chart.id)}/created`, { resource });

function notCreated(view, button, failed) {
  delete button.dataset.accepted;
  const said = `Not created (${failed.status || "no answer"}): ${diagnostics(failed).join(" ")}`;
  view.querySelector(".outcome").replaceChildren(el("p", {}, icon("warning"), el("strong", {}, said)));
}

async function showChartAgain() {
  const answer = await exchange(`patients/${encodeURIComponent(state.chart.id)}`);
  if (answer.ok) showSections(answer.json.sections);
}

async function signAgain() {
  const call = await ask("order-sign");
  if (!call) return;
  if (!isCardAnswer(call.answer)) return showError(call);
  const cards = call.answer.json.cards;
  byId("resign-result").dataset.cards = String(cards.length);
  const said = cards.length
    ? `Signed again together with the referral: ${cards.length} further card(s). There should be none.`
    : "Signed again together with the referral: no second card. The service knows its own referral.";
  show("resign-result", icon(cards.length ? "warning" : "done"), el("span", {}, said));
  byId("status").textContent = `order-sign, again: ${cards.length || "no"} cards in ${time(call.answer)}.`;
  if (cards.length) byId("cards").append(...(await Promise.all(cards.map(cardView))));
}

export async function override(card, reason, view) {
  view.dataset.answered = "overridden";
  for (const part of view.querySelectorAll(".override, .suggestions, .detail, .links")) part.remove();
  const why = reason && { overrideReason: { reason } };
  const overridden = { card: card.uuid, outcome: "overridden", ...why, ...stamp() };
  await sendFeedback(view, `Dismissed${reason ? `: ${reason.display}` : ", no reason given"}.`, overridden);
  view.querySelector(".outcome").focus(); // the button that had the focus is gone
}

const stamp = () => ({ outcomeTimestamp: new Date().toISOString() });

/** What the service answered is shown, and so is an answer that it did not take. */
async function sendFeedback(view, said, one) {
  const path = `/cds-services/second-opinion-${state.asked}/feedback`;
  const body = { feedback: [one] };
  const answer = await exchange(`..${path}`, body, { headers: await signed(path, state.visit) });
  if (answer.ok) state.answered = said;
  state.feedback.push({ path, body, answer });
  showCall();
  const sent = answer.ok
    ? `Sent, and stored in ${time(answer)}. Later calls about this operation take it into account; choose the patient again to begin anew.`
    : `Not stored (${answer.status || "no answer"}): ${diagnostics(answer).join(" ")}`;
  view.querySelector(".outcome").replaceChildren(
    el("p", {}, icon(answer.ok ? "done" : "warning"), el("strong", {}, said)),
    el("p", { class: "note" }, sent),
    el("details", { class: "resource" }, el("summary", {}, "Feedback"), el("div", { class: "json" }, jsonTree(body, ALL_LEVELS))),
  );
}
