// Runs before the charts are there: while scripts run, the chart stands for its table, which opens again if it fails.
"use strict";

(() => {
  const table = document.getElementById("timeline-table");
  const chart = document.getElementById("timeline-chart");
  const parts = ["timeline-chart", "timeline-says", "timeline-legend"].map((id) => document.getElementById(id));
  const zoom = document.querySelector(".zoom");

  const show = (drawn) => {
    if (!chart) return;
    for (const part of [...parts, zoom]) part.hidden = !drawn;
    table.open = !drawn;
  };
  show(true);
  window.addEventListener("load", () => { if (!window.echarts) show(false); });

  // The finding that the card spoke of, once, unless the address already names a place.
  const focused = document.querySelector(".finding[data-focused]");
  if (focused && !location.hash) window.addEventListener("load", () => focused.scrollIntoView({ block: "center" }));

  // A link to a finding opens what it rests on.
  const open = () => {
    const finding = location.hash.startsWith("#finding-") && document.getElementById(location.hash.slice(1));
    if (finding) {
      finding.querySelector("details").open = true;
      finding.focus();
    }
  };
  window.addEventListener("hashchange", open);
  window.addEventListener("load", open);

  // Everything is on paper: details are opened for the time of printing.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("#why details:not([open]), #treatments details:not([open])")];
    for (const each of opened) each.open = true;
  });
  window.addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
})();
