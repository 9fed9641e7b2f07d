// Shows a chart: its banner, the order that waits, and the sections.

import { byId, el, facts, icon } from "./page.js";

export function showBanner({ banner, title }) {
  document.title = `${banner.name}${title ? `: ${title}` : ""}. Mock EHR`;
  byId("patient-name").textContent = banner.name;
  byId("patient-facts").replaceChildren(
    ...facts([
      ["Age", [banner.age, banner.sex].filter(Boolean).join(", ")],
      ["Born", banner.born],
      ["MRN", banner.mrn],
      ["Visit", banner.visit],
      ["Signed in", banner.user],
    ]),
  );
}

export function showStory({ title, story, expect, why }) {
  byId("story-title").textContent = title || "No story";
  byId("story").textContent = story;
  byId("expectation").textContent = expect.text ?? "Whatever this chart holds.";
  byId("why-words").textContent = why;
  byId("why").hidden = !why;
}

export function showOrder({ order }) {
  byId("order-title").textContent = order.what;
  const reasons = order.reasons.length && el("ul", {}, ...order.reasons.map((reason) => el("li", {}, reason)));
  byId("order-facts").replaceChildren(
    ...facts([
      ["Code", order.code],
      ["Planned", order.planned],
      ["Priority", order.priority],
      ["Note", order.note],
      ["Reason", reasons],
    ]),
  );
  for (const place of document.querySelectorAll("[data-order]")) place.textContent = order.what;
}

export function showSections(sections) {
  byId("chart").replaceChildren(...sections.map(sectionView));
}

function sectionView(section) {
  const rows = section.rows.length ? section.rows.map(rowView) : [el("li", { class: "none" }, "None recorded.")];
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

function rowView(row) {
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
