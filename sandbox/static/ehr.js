// The mock EHR's page: chooses a patient, shows the screens of the chart, and starts everything else.

import { startApp } from "./app.js";
import { callHook, clearResults, setBusy } from "./calls.js";
import { showBanner, showOrder, showSections, showStory } from "./chart.js";
import { diagnostics, exchange } from "./exchange.js";
import { startFaults } from "./faults.js";
import { showCall, startInspector, toggleInspector } from "./inspector.js";
import { all, byId, onClick, show, tabs } from "./page.js";
import { startSearch } from "./search.js";
import { state } from "./state.js";

let chooseScreen;
let choices = 0;
let isChoosing = false;

async function choose(id) {
  const choice = ++choices;
  state.turn += 1; // an answer on its way belongs to the patient that was left
  isChoosing = true;
  setBusy(true);
  const answer = await exchange(`patients/${encodeURIComponent(id)}/anew`, {});
  if (choice !== choices) return;
  isChoosing = false;
  setBusy(false);
  if (!answer.ok) return showLoadProblem(answer);
  const fresh = { accepted: [], answered: "", call: null, feedback: [], visit: crypto.randomUUID() };
  Object.assign(state, fresh, { chart: answer.json });
  markChosen(id);
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  byId("procedure").value = "";
  showBanner(state.chart);
  showStory(state.chart);
  showOrder(state.chart);
  showSections(state.chart.sections);
  showCall();
  byId("welcome").hidden = true;
  byId("workspace").hidden = false;
  chooseScreen("tab-chart");
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

function showScreen(name) {
  for (const part of all("[data-screen]")) part.hidden = part.dataset.screen !== name;
  state.turn += 1; // an answer on its way belongs to the screen that was left; a patient on the way still comes
  setBusy(isChoosing);
  clearResults("Nothing was asked yet.");
}

async function chooseProcedure(select) {
  const chart = state.chart;
  const answer = await exchange(`patients/${encodeURIComponent(chart.id)}/order?procedure=${select.value}`);
  if (answer.ok && chart === state.chart) showOrder(answer.json);
}

function chooseFromAddress() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id && id !== state.chart?.id && (byId("search") || document.querySelector(`[data-patient="${CSS.escape(id)}"]`))) choose(id);
}

async function start() {
  chooseScreen = tabs(document.querySelector(".screens"), (button) => showScreen(button.id.replace("tab-", "")));
  startInspector();
  startApp();
  startSearch(choose);
  onClick("[data-patient]", (button) => choose(button.dataset.patient));
  onClick("[data-start]", (button) => choose(button.dataset.start));
  onClick("[data-hook]", (button) => callHook(button.dataset.hook));
  onClick("#toggle-wire", toggleInspector);
  byId("procedure").addEventListener("change", (event) => chooseProcedure(event.target));
  addEventListener("hashchange", chooseFromAddress);
  await startFaults();
  chooseFromAddress();
}

start();
