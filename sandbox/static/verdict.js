// Compares what came with what should come: by patient and hook, or by what is broken on purpose.

import { brokenFault, state } from "./state.js";

export const INDICATORS = ["info", "warning", "critical"]; // rising
export const WORDS = { info: "Info", warning: "Warning", critical: "Critical", none: "No card" };

/** The indicator this patient is there to show; undefined for no card, as when a referral is among the drafts. */
export function expected(hook) {
  return hook === "order-sign" && state.accepted.length ? undefined : (state.chart.expect[hook] ?? undefined);
}

export function strongest(cards) {
  const levels = cards.map((card) => INDICATORS.indexOf(card.indicator));
  return cards.length ? (INDICATORS[Math.max(...levels)] ?? "info") : "none";
}

/** One sentence: as expected, or what is not. '' where nothing is promised. */
export function verdict(hook, cards, kept) {
  if (state.answered) return "This follows from your answer.";
  const fault = brokenFault();
  if (fault && !fault.same) return underFault(fault, cards, kept);
  if (state.call.choices.procedure) return "You chose the procedure, so nothing was promised.";
  if (!(hook in state.chart.expect)) return "Nothing was promised for this chart.";
  const due = expected(hook) ?? "none";
  return strongest(cards) === due ? "As expected." : `Not as expected: this should give "${WORDS[due]}".`;
}

function underFault(fault, cards, kept) {
  if (fault.down) return "Not as expected: the service should not have answered.";
  const lanes = kept?.lanes ?? {};
  if (!Object.keys(lanes).length) return "As expected: no spine operation was found, so nothing had to be read.";
  const wrong = [...wronglyRead(fault, lanes), ...wronglyAbsent(fault, kept), ...unsaid(fault, cards)];
  return wrong.length ? `Not as expected: ${wrong.join("; ")}.` : `As expected. ${fault.see}`;
}

function wronglyRead(fault, lanes) {
  const states = Object.entries(fault.lanes);
  const other = states.filter(([lane, due]) => lanes[lane] && lanes[lane].state !== due);
  return other.map(([lane, due]) => `${lane} was read as ${lanes[lane].state}, not ${due}`);
}

/** What could not be read must not be called absent. */
function wronglyAbsent(fault, kept) {
  const said = (kept.findings ?? []).filter(({ rule, outcome }) => fault.never_absent.includes(rule) && outcome === "not_documented");
  return said.map(({ rule }) => `${rule} was said to be not documented`);
}

function unsaid(fault, cards) {
  if (!cards.length || !fault.says) return [];
  return cards.some((card) => card.detail?.includes(fault.says)) ? [] : [`the card does not say "${fault.says}"`];
}

/** An error is as expected while the service is down, or while the very order cannot be read. */
export function failureVerdict(hook, answer) {
  const fault = brokenFault();
  if (fault?.down) return `As expected. ${fault.see}`;
  if (fault?.hides_order && hook === "order-dispatch" && answer.status === 412) {
    return "As expected. The order that was sent out could not be read itself, and the service says so.";
  }
  return "Not as expected.";
}
