// The menu "Break it": one thing is broken at a time, a banner says so, and one click mends all.

import { exchange } from "./exchange.js";
import { all, byId, onClick } from "./page.js";
import { brokenFault, state } from "./state.js";

let chosen; // on this page; nothing yet

export async function startFaults() {
  onClick("[data-fault]", (button) => breakIt(button.dataset.fault));
  onClick("#mend", () => breakIt(""));
  const answer = await exchange("faults");
  if (!answer.ok) return;
  state.faults = answer.json.faults;
  state.broken = chosen ?? answer.json.broken; // a button may have been quicker than this answer
  showBroken();
}

async function breakIt(id) {
  const answer = await exchange("faults", { broken: id }, { method: "PUT" });
  if (!answer.ok) return;
  state.broken = chosen = answer.json.broken;
  byId("break-menu").hidePopover();
  showBroken();
  if (!id) byId("break-it").focus(); // the button that had the focus is gone
}

function showBroken() {
  const fault = brokenFault();
  byId("broken").hidden = !fault;
  for (const button of all("[data-fault]")) button.setAttribute("aria-pressed", String(button.dataset.fault === fault?.id));
  if (!fault) return;
  byId("broken-name").textContent = fault.name;
  byId("broken-does").textContent = fault.does;
  byId("broken-see").textContent = fault.see;
}
