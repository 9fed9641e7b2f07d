// What both charts need: colours from the stylesheet, days, and text for a tooltip. Chart text is only ever drawn as text.
"use strict";

window.charts = (() => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const day = (iso) => Date.parse(iso);
  const WIDTH = 46;

  // Long chart words would run off the page: broken at spaces, cut where there is none.
  const wrapped = (line) => {
    const lines = [""];
    for (const word of line.split(" ")) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + word.length > WIDTH) lines.push(word.slice(0, WIDTH));
      else lines[last] = (lines[last] ? lines[last] + " " : "") + word.slice(0, WIDTH);
    }
    return lines.slice(0, 4).join("\n");
  };
  const said = (lines) => lines.map(wrapped).join("\n").replaceAll("{", "(").replaceAll("}", ")").replaceAll("|", "/");

  const spoken = (time) =>
    new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

  const tooltip = () => ({
    renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: colour("--edge"), borderWidth: 1,
    padding: [8, 11], textStyle: { color: "#17252f", fontSize: 12.5, lineHeight: 18, fontFamily: "sans-serif" },
  });
  const axis = () => ({
    axisLine: { lineStyle: { color: colour("--line") } }, axisTick: { show: false },
    axisLabel: { color: colour("--soft"), fontSize: 11.5, hideOverlap: true },
    splitLine: { show: true, lineStyle: { color: colour("--line"), type: [2, 4] } },
  });
  const SYMBOLS = ["circle", "rect", "triangle", "diamond", "roundRect"];
  const hues = () => ["--lane-scores", "--lane-injection", "--lane-medication", "--lane-care", "--lane-wishes"].map(colour);
  const start = (element) => echarts.init(element, null, { renderer: "svg" });

  // Redrawn as wide as its place, also that on paper.
  const fitted = (chart, element) => {
    new ResizeObserver(() => chart.resize()).observe(element);
    window.addEventListener("beforeprint", () => chart.resize({ width: 660 }));
    window.addEventListener("afterprint", () => chart.resize({ width: "auto" }));
  };
  return { colour, day, said, spoken, tooltip, axis, SYMBOLS, hues, start, fitted };
})();
