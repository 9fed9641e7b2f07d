// Opens the SMART app in a frame inside the EHR, as an EHR launch.

import { diagnostics, exchange } from "./exchange.js";
import { byId } from "./page.js";
import { state } from "./state.js";

export function startApp() {
  byId("open-app")?.addEventListener("click", () => open("", {}, "the chart"));
  byId("close-app").addEventListener("click", () => byId("app").close());
  byId("app").addEventListener("close", () => byId("app-frame").removeAttribute("src"));
}

export const openFromCard = (link) => open(link.url, { appContext: link.appContext }, "the card");

async function open(url, context, from) {
  const answer = await exchange("launches", { patient: state.chart.id, url, ...context });
  byId("app-from").textContent = answer.ok
    ? `Opened from ${from}, for ${state.chart.banner.name}`
    : `Not opened: ${diagnostics(answer).join(" ")}`;
  if (answer.ok) byId("app-frame").src = answer.json.url;
  byId("app").showModal();
}
