// One small chart for each instrument: its own scale, the band in which nothing has changed, and the operations.
"use strict";

window.addEventListener("DOMContentLoaded", () => {
  const source = document.getElementById("timeline-data");
  if (!source || !window.echarts) return;
  const { FONT, colour, day, said, tooltip, axis, SYMBOLS, hues, start, fitted } = window.charts;
  const { series } = JSON.parse(source.textContent);
  const places = [...document.querySelectorAll(".series")].filter((place) => place.querySelector(".small-chart"));
  const named = new Map(places.map((place) => [place.dataset.name, place.querySelector(".small-chart")]));

  series.forEach((each, at) => {
    const element = named.get(each.name);
    if (!element || each.points.length < 2) return;
    element.hidden = false;
    const hue = hues()[at % 5];
    const days = each.points.map((point) => day(point.on));
    const operations = each.operations.map(day);
    const first = Math.min(...days, ...operations.slice(-2)), last = Math.max(...days, ...operations.slice(-2));
    const pad = Math.max((last - first) * 0.06, 15 * 864e5);
    const chart = start(element);
    chart.setOption({
      textStyle: { fontFamily: FONT }, animation: false, aria: { enabled: false }, grid: { left: 34, right: 14, top: 32, bottom: 24 },
      xAxis: { ...axis(), type: "time", min: first - pad, max: last + pad, splitLine: { show: false } },
      yAxis: { ...axis(), type: "value", min: 0, max: each.most, interval: each.most / 2 },
      tooltip: { ...tooltip(), trigger: "item", formatter: (it) => said(it.data.says) },
      series: [{
        type: "line", color: hue, symbol: SYMBOLS[at % 5], symbolSize: 8, lineStyle: { width: 2 },
        data: each.points.map((point) => ({ value: [day(point.on), point.value], says: point.says })),
        label: { show: each.points.length < 9, position: "top", distance: 4, fontSize: 11.5, fontWeight: 650, color: "#17252f", textBorderColor: "#fff", textBorderWidth: 3, formatter: (it) => `${it.value[1]}` },
        markArea: each.band ? { silent: true, itemStyle: { color: hue, opacity: 0.13 }, data: [[
          { xAxis: Math.max(day(each.band.from), first - pad), yAxis: each.band.start }, { xAxis: last + pad, yAxis: each.band.better }]] } : undefined,
        markLine: { z: 1, silent: true, symbol: "none", animation: false, lineStyle: { color: colour("--lane-surgery"), width: 1.5, type: "solid" },
          label: { formatter: "operation", position: "end", rotate: 0, distance: 14, color: colour("--lane-surgery"), fontSize: 11 },
          data: operations.map((on) => ({ xAxis: on })) },
      }],
    });
    fitted(chart, element);
  });
});
