// Builds the page: elements from strings that always become text, so nothing in a chart or a card can become markup.

export const byId = (id) => document.getElementById(id);
export const all = (selector) => document.querySelectorAll(selector);

/** An element from attributes and children; a function is a listener, a false value leaves its attribute out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== "" && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function facts(pairs) {
  const known = pairs.filter(([, value]) => value);
  return known.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
}

/** Puts content into a part of the page and shows it; hides it when there is none. */
export function show(id, ...content) {
  const node = byId(id);
  node.replaceChildren(...content);
  node.hidden = content.length === 0;
}

export function onClick(selector, act) {
  for (const button of all(selector)) button.addEventListener("click", () => act(button));
}

/** A list of tabs as screen readers and keyboards know it: one is in the tab order, arrows go to the others. */
export function tabs(list, chosen) {
  const buttons = [...list.querySelectorAll('[role="tab"]')];
  const choose = (button) => {
    for (const each of buttons) {
      each.setAttribute("aria-selected", String(each === button));
      each.tabIndex = each === button ? 0 : -1;
    }
    byId(button.getAttribute("aria-controls")).setAttribute("aria-labelledby", button.id);
    chosen(button);
  };
  const steps = { ArrowRight: 1, ArrowLeft: -1 };
  list.addEventListener("keydown", (event) => {
    if (!steps[event.key]) return;
    const next = buttons.at((buttons.indexOf(event.target) + steps[event.key]) % buttons.length);
    next.focus();
    choose(next);
  });
  for (const button of buttons) button.addEventListener("click", () => choose(button));
  return (id) => choose(byId(id));
}
