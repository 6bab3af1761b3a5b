"use strict";
// Reads values back from the drawing: what is under the pointer, line by line. Nothing else depends on it.
for (const svg of document.querySelectorAll("svg.plot")) {
  const axis = text => {
    const [low, high, from, to, scale] = text.split(" ");
    return { low: +low, high: +high, from: +from, to: +to, isLog: scale === "log" };
  };
  const x = axis(svg.dataset.x), y = axis(svg.dataset.y);
  const value = (axis, at) => {
    const part = (at - axis.from) / (axis.to - axis.from);
    return axis.isLog ? axis.low * (axis.high / axis.low) ** part : axis.low + part * (axis.high - axis.low);
  };
  const words = number => number.toLocaleString("en", { maximumSignificantDigits: 4 });
  const lines = [...svg.querySelectorAll("polyline")].map(line => ({
    name: line.dataset.name,
    points: line.getAttribute("points").trim().split(" ").map(pair => pair.split(",").map(Number)),
  }));
  const cursor = svg.querySelector(".cursor"), tip = svg.parentElement.querySelector(".tip");
  const isPercentile = svg.parentElement.id === "latency";
  const isTime = svg.parentElement.id.startsWith("latency");
  const show = at => isPercentile ? `${words(100 * (1 - 10 ** -value(x, at)))} %` : words(value(x, at));
  const time = ms => ms < 1000 ? `${words(ms)} ms` : `${words(ms / 1000)} s`;
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const at = Math.min(x.to, Math.max(x.from, (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width));
    const rows = lines.map(({ name, points }) => {
      const near = points.reduce((best, point) => Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best);
      return Math.abs(near[0] - at) > 40 ? null : `${name}: ${isTime ? time(value(y, near[1])) : words(value(y, near[1]))}`;
    }).filter(Boolean);
    tip.textContent = [show(at), ...rows].join("\n");
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    const left = event.clientX - svg.parentElement.getBoundingClientRect().left;
    const isRight = left > box.width / 2;
    tip.style.left = isRight ? "auto" : `${left + 14}px`;
    tip.style.right = isRight ? `${svg.parentElement.clientWidth - left + 14}px` : "auto";
    tip.style.top = `${box.top - svg.parentElement.getBoundingClientRect().top}px`;
    tip.style.visibility = cursor.style.visibility = "visible";
  });
  svg.addEventListener("pointerleave", () => { tip.style.visibility = cursor.style.visibility = "hidden"; });
}
