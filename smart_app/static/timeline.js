// Draws the timeline with Apache ECharts; arrow keys go from event to event, and say each one.
"use strict";

window.addEventListener("DOMContentLoaded", () => {
  const element = document.getElementById("timeline-chart");
  if (!element || !window.echarts) return;
  const data = JSON.parse(document.getElementById("timeline-data").textContent);
  const { FONT, colour, day, said, tooltip, axis, SYMBOLS, hues, start, fitted } = window.charts;
  const ROW = 27, SCORES = 118, TOP = 26, GAP = 28, MONTH = 30.44 * 864e5;
  const rows = data.rows;
  // Only scales on which down is better can share a picture; the others have their own below.
  const series = data.series.filter((each) => each.lowerIsBetter).slice(0, 3);
  const lanesHeight = Math.max(rows.length, 1) * ROW;
  const hasScores = series.length > 0;
  element.style.height = `${TOP + lanesHeight + (hasScores ? SCORES + 32 : 30)}px`;

  const pad = (day(data.last) - day(data.first)) * 0.025 + 5 * 864e5;
  const whole = [day(data.first) - pad, day(data.last) + pad];

  const marks = rows.flatMap((row, at) => row.marks.map((place) => {
    const mark = data.marks[place];
    return { value: [day(mark.first), day(mark.last), at, place], says: mark.says };
  }));

  // ---- scores: each as a share of its own scale, so that lines can be compared in direction, never in height

  const share = (each, value) => (100 * value) / each.most;
  const scoreSeries = series.map((each, at) => ({
    type: "line", name: each.short, xAxisIndex: 1, yAxisIndex: 1, symbol: SYMBOLS[at % 5], symbolSize: 9, color: hues()[at % 5],
    lineStyle: { width: 2, type: at ? [5, 3] : "solid" }, clip: true,
    data: each.points.map((point) => ({ value: [day(point.on), share(each, point.value)], says: point.says })),
  }));
  const banded = series.find((each) => each.band);
  if (banded) {
    scoreSeries[series.indexOf(banded)].markArea = {
      silent: true, itemStyle: { color: colour("--lane-scores"), opacity: 0.13 },
      data: [[{ xAxis: day(banded.band.from), yAxis: share(banded, banded.band.start) }, { xAxis: whole[1], yAxis: share(banded, banded.band.better) }]],
    };
  }

  const name = (each) => `${each.short}: ${each.points.at(-1).value}`;
  // Names stand beside the lane, as high as each last score, moved apart where they would meet; in a side bar above it.
  const names = () => {
    const last = series.map((each, at) => ({ each, at, y: SCORES * 0.83 * (1 - share(each, each.points.at(-1).value) / 100) }));
    last.sort((one, other) => one.y - other.y);
    last.forEach((one, place) => { if (place) one.y = Math.max(one.y, last[place - 1].y + 15); });
    const widths = series.map((each) => name(each).length * 6.6 + 12);
    const before = (at) => widths.slice(0, at).reduce((sum, width) => sum + width, 0);
    const from = Math.max(0, Math.min(left(), element.clientWidth - before(series.length)));
    return last.map(({ each, at, y }) => ({
      id: `name-${at}`, type: "text", silent: true,
      left: narrow() ? from + before(at) : element.clientWidth - right() + 7, top: TOP + lanesHeight + (narrow() ? 9 : GAP + y - 7),
      style: { text: name(each), fill: hues()[at % 5], font: `600 11.5px ${FONT}` },
    }));
  };

  const marker = (time, text, strong) => ({
    xAxis: time,
    lineStyle: { color: strong ? colour("--concern-line") : colour("--edge"), width: strong ? 2 : 1, type: strong ? "solid" : [3, 3] },
    label: { show: !!text, formatter: text || "", position: "start", color: strong ? colour("--concern") : colour("--soft"), fontSize: 11.5, fontWeight: strong ? 650 : 400, distance: 3, align: strong ? "right" : "center" },
  });
  const moments = data.planned ? [marker(day(data.planned), "Planned operation ▾", true)] : [marker(day(data.today), "Today", false)];
  const bare = moments.map((each) => ({ ...each, label: { show: false } }));
  const markLine = (items) => ({ silent: true, symbol: "none", animation: false, data: items });
  if (hasScores) scoreSeries[0].markLine = markLine(bare);

  const narrow = () => element.clientWidth < 560;
  // As much room as the longest name needs, within reason.
  const room = (names, least, most) => Math.max(least, Math.min(most, Math.max(0, ...names.map((name) => name.length)) * 6.5 + 36));
  const left = () => (narrow() ? 122 : room(rows.map((row) => row.name), 180, 270));
  const right = () => (hasScores ? (narrow() ? 12 : room(series.map(name), 92, 200)) : 16);
  const grids = () => [
    { left: left(), right: right(), top: TOP, height: lanesHeight },
    { left: left(), right: right(), top: TOP + lanesHeight + GAP, height: SCORES - 20 },
  ];
  const rowLabel = () => ({ width: left() - (narrow() ? 18 : 30), margin: left() - (narrow() ? 1 : 6), fontSize: narrow() ? 11.5 : 12.5 });
  const times = { ...axis(), type: "time", min: whole[0], max: whole[1] };
  const label = (row) => `{${row.lane}|■} ${row.name.replaceAll("{", "(").replaceAll("}", ")").replaceAll("|", "/")}`;
  const laneStyles = Object.fromEntries(["surgery", "care", "injection", "medication", "imaging", "wishes"].map((lane) => [lane, { color: colour(`--lane-${lane}`), fontSize: 12 }]));

  const chart = start(element);
  chart.setOption({
    animation: false, aria: { enabled: false }, textStyle: { fontFamily: FONT },
    grid: grids(), graphic: names(),
    xAxis: [
      { ...times, gridIndex: 0, axisLabel: { ...times.axisLabel, show: !hasScores }, axisLine: { show: false } },
      { ...times, gridIndex: 1, show: hasScores },
    ],
    yAxis: [
      { ...axis(), type: "category", gridIndex: 0, inverse: true, data: rows.map(label), splitLine: { show: true, lineStyle: { color: colour("--line"), opacity: 0.6 } },
        axisLabel: { ...rowLabel(), color: "#17252f", overflow: "truncate", rich: laneStyles, align: "left", interval: 0 } },
      { ...axis(), type: "value", gridIndex: 1, min: 0, max: 100, interval: 50, show: hasScores, axisLabel: { ...axis().axisLabel, formatter: (value) => ({ 0: "best", 50: narrow() ? "Scores" : "Scores, each on its scale", 100: "worst" })[value], width: left() - 14, overflow: "break", align: "right" } },
    ],
    tooltip: { ...tooltip(), trigger: "item", formatter: (it) => said(it.data.says) },
    dataZoom: [{ type: "inside", xAxisIndex: [0, 1], zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, moveOnMouseMove: true, minValueSpan: 2 * MONTH, filterMode: "none" }],
    series: [
      { type: "custom", renderItem: window.drawMark(data.marks), data: marks, encode: { x: [0, 1], y: 2 }, markLine: markLine(moments), clip: false },
      ...scoreSeries,
    ],
  });
  fitted(chart, element);
  new ResizeObserver(() => chart.setOption({ grid: grids(), graphic: names(), yAxis: [{ axisLabel: rowLabel() }, {}] })).observe(element);

  // ---- zoom: buttons, plus and minus

  let shown = [...whole];
  const look = (from, to) => {
    const span = Math.min(to - from, whole[1] - whole[0]);
    const first = Math.max(whole[0], Math.min(from, whole[1] - span));
    chart.dispatchAction({ type: "dataZoom", startValue: first, endValue: first + span });
  };
  chart.on("datazoom", () => {
    const zoomed = chart.getOption().dataZoom[0];
    shown = [zoomed.startValue, zoomed.endValue];
  });
  const buttons = [...document.querySelectorAll("[data-zoom]")];
  const press = (pressed) => buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === pressed)));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const what = button.dataset.zoom;
      const from = { all: whole[0], operation: data.lastOperation && day(data.lastOperation) - MONTH }[what];
      look(from ?? whole[1] - Number(what) * MONTH - pad, whole[1]);
      press(button);
    });
  }
  const zoomBy = (factor) => {
    const middle = (shown[0] + shown[1]) / 2, half = Math.max(((shown[1] - shown[0]) * factor) / 2, MONTH);
    look(middle - half, middle + half);
    press(null);
  };

  // ---- keys: every event and every score, in order of date

  const stops = [
    ...marks.map((mark, at) => ({ on: mark.value[0], seriesIndex: 0, dataIndex: at, says: mark.says })),
    ...scoreSeries.flatMap((each, at) => each.data.map((point, place) => ({ on: point.value[0], seriesIndex: at + 1, dataIndex: place, says: point.says }))),
  ].sort((one, other) => one.on - other.on);
  const live = document.getElementById("timeline-says");
  let at = -1;
  const leave = () => {
    if (at >= 0) chart.dispatchAction({ type: "downplay", seriesIndex: stops[at].seriesIndex, dataIndex: stops[at].dataIndex });
    chart.dispatchAction({ type: "hideTip" });
  };
  const go = (next) => {
    if (!stops.length) return;
    leave();
    at = Math.max(0, Math.min(next, stops.length - 1));
    const { on, seriesIndex, dataIndex, says } = stops[at];
    if (on < shown[0] || on > shown[1]) {
      const half = (shown[1] - shown[0]) / 2;
      look(on - half, on + half);
    }
    chart.dispatchAction({ type: "highlight", seriesIndex, dataIndex });
    chart.dispatchAction({ type: "showTip", seriesIndex, dataIndex });
    live.textContent = `${at + 1} of ${stops.length}: ${says.join(". ")}`;
  };
  const KEYS = {
    ArrowRight: () => go(at + 1), ArrowLeft: () => go(at < 0 ? stops.length - 1 : at - 1), Home: () => go(0), End: () => go(stops.length - 1),
    "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), Escape: leave,
  };
  element.addEventListener("keydown", (event) => {
    const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  element.addEventListener("blur", leave);
});
