// One mark of the timeline: solid when received, hollow when only ordered, striped when reported, crossed when declined.
"use strict";

window.drawMark = (marks) => {
  const { colour } = window.charts;
  const BAR = 14;

  const lines = (shape, colourOf, step, tilt) => {
    const drawn = [];
    for (let x = shape.x - shape.height; x < shape.x + shape.width; x += step) {
      drawn.push({ type: "line", silent: true, shape: { x1: x, y1: shape.y + shape.height, x2: x + tilt, y2: shape.y },
        style: { stroke: colourOf, lineWidth: 2.2 } });
    }
    return { type: "group", clipPath: { type: "rect", shape: { ...shape, r: 4 } }, children: drawn };
  };
  const cross = (x, y, stroke) => [[-3, -3, 3, 3], [-3, 3, 3, -3]].map(([a, b, c, d]) => ({
    type: "line", silent: true, shape: { x1: x + a, y1: y + b, x2: x + c, y2: y + d }, style: { stroke, lineWidth: 2 } }));
  const words = (text, x, y, fill, align) => ({
    type: "text", silent: true, style: { text, x, y, fill, align, verticalAlign: "middle", fontSize: 11, fontWeight: 600 } });

  return (params, api) => {
    const mark = marks[api.value(3)];
    const hue = colour(`--lane-${mark.lane}`);
    const [from, y] = api.coord([api.value(0), api.value(2)]);
    const [to] = api.coord([api.value(1), api.value(2)]);
    const least = mark.lane === "surgery" ? 15 : 11;
    const width = Math.max(to - from, least);
    const x = to - from < least ? (from + to - least) / 2 : from;
    const height = mark.lane === "surgery" ? BAR + 3 : BAR;
    const area = params.coordSys;
    const shape = { x, y: y - height / 2, width, height };
    if (x + width < area.x || x > area.x + area.width) return null;
    const solid = mark.state === "received" || mark.state === "recorded";
    const style = { fill: solid ? hue : "#fff", stroke: hue, lineWidth: 1.6 };
    if (mark.state === "ordered" || mark.state === "aside") style.lineDash = [3, 2.5];
    const children = [{ type: "rect", shape: { ...shape, r: 4 }, style, emphasis: { style: { stroke: "#000", lineWidth: 2.6 } } }];
    if (mark.state === "reported") children.push(lines(shape, hue, 6, height));
    if (mark.state === "declined") children.push(...cross(x + width / 2, y, hue));
    if (mark.state === "aside") children.push(words("?", x + width / 2, y, hue, "center"));
    if (mark.count > 1 && width > 34) children.push(words(`${mark.count}×`, x + width / 2, y, solid ? "#fff" : hue, "center"));
    return { type: "group", clipPath: { type: "rect", shape: { ...area } }, children };
  };
};
