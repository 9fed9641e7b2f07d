// Renders cards as an EHR does: summary, detail, suggestions, links, and a way to dismiss them.

import { accept, override } from "./answers.js";
import { exchange } from "./exchange.js";
import { openFromCard } from "./app.js";
import { el, icon } from "./page.js";
import { INDICATORS, WORDS } from "./verdict.js";
import { jsonTree } from "./json_tree.js";

const ALL_LEVELS = 99; // of JSON, unfolded

export async function cardView(card) {
  const label = `card-${card.uuid ?? crypto.randomUUID()}`;
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
  const items = card.links.map((link) => el("li", {}, link.type === "smart" ? smart(link) : outside(link.url, link.label)));
  return el("ul", { class: "links", "aria-label": "Links" }, ...items);
}

/** The SMART app opens inside the EHR, with what the card says to it. */
function smart(link) {
  return el("button", { type: "button", class: "smart-link", click: () => openFromCard(link) }, link.label);
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
