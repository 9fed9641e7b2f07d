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

  // 'inherit' is no font to a drawing.
  const FONT = getComputedStyle(document.body).fontFamily;

  const tooltip = () => ({
    renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: colour("--edge"), borderWidth: 1,
    padding: [8, 11], textStyle: { color: "#17252f", fontSize: 12.5, lineHeight: 18, fontFamily: FONT },
  });
  const axis = () => ({
    axisLine: { lineStyle: { color: colour("--line") } }, axisTick: { show: false },
    axisLabel: { color: colour("--soft"), fontSize: 11.5, hideOverlap: true },
    splitLine: { show: true, lineStyle: { color: colour("--line"), type: [2, 4] } },
  });
  const SYMBOLS = ["circle", "rect", "triangle", "diamond", "roundRect"];
  const hues = () => ["--lane-scores", "--lane-injection", "--lane-medication", "--lane-care", "--lane-wishes"].map(colour);
  const start = (element) => echarts.init(element, null, { renderer: "svg" });

  // Redrawn as wide as its place; on paper the stylesheet scales the drawing, which needs to know its own size for that.
  const fitted = (chart, element) => {
    const fit = () => {
      chart.resize();
      element.querySelector("svg").setAttribute("viewBox", `0 0 ${chart.getWidth()} ${chart.getHeight()}`);
    };
    new ResizeObserver(() => { if (!matchMedia("print").matches) fit(); }).observe(element);
    fit();
  };
  return { FONT, colour, day, said, tooltip, axis, SYMBOLS, hues, start, fitted };
})();
