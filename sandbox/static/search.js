// Finds patients by name on somebody else's FHIR server.

import { diagnostics, exchange } from "./exchange.js";
import { byId, el } from "./page.js";

export function startSearch(choose) {
  byId("search")?.addEventListener("submit", (event) => {
    event.preventDefault();
    search(byId("search-name").value, choose);
  });
}

async function search(name, choose) {
  byId("search-result").textContent = "Searching …";
  const answer = await exchange(`patients?name=${encodeURIComponent(name)}`);
  const found = answer.ok ? answer.json : [];
  byId("search-result").textContent = answer.ok ? `${found.length || "No"} patients found.` : diagnostics(answer).join(" ");
  byId("found").replaceChildren(...found.map((patient) => patientView(patient, choose)));
}

function patientView({ id, patient, title }, choose) {
  const name = el("span", { class: "patient-name" }, patient);
  const button = el("button", { type: "button", class: "patient", "data-patient": id }, name, el("span", { class: "patient-title" }, title));
  button.addEventListener("click", () => choose(id));
  return el("li", {}, button);
}
