// JSON with every object foldable; the words on a folded line are CSS, so the text stays exactly the JSON.

import { el } from "./page.js";

export function jsonTree(value, openLevels, key, last = true) {
  const name = key === undefined ? [] : [el("span", { class: "json-key" }, JSON.stringify(key)), ": "];
  const comma = last ? "" : ",";
  const items = value !== null && typeof value === "object" ? Object.entries(value) : [];
  const scalar = el("span", { class: `json-${typeof value}` }, JSON.stringify(value));
  if (!items.length) return el("div", {}, ...name, scalar, comma);
  const list = Array.isArray(value);
  const children = items.map(([itemKey, item], index) =>
    jsonTree(item, openLevels - 1, list ? undefined : itemKey, index === items.length - 1),
  );
  const folded = ` ${foldedWords(value, items.length)} ${list ? "]" : "}"}${comma}`;
  return el(
    "details",
    { open: openLevels > 0 },
    el("summary", { "data-folded": folded }, ...name, list ? "[" : "{"),
    el("div", { class: "json-items" }, ...children),
    el("div", {}, (list ? "]" : "}") + comma),
  );
}

function foldedWords(value, count) {
  if (value.resourceType === "Bundle") return `Bundle of ${value.entry?.length ?? 0}`;
  return value.resourceType ?? (Array.isArray(value) ? `${count} in list` : `${count} inside`);
}
