"use strict";
// What the pages share; console::html puts it into each.
const id = name => document.getElementById(name);
const isMap = value => value !== null && typeof value === "object" && !Array.isArray(value);
const map = value => isMap(value) ? value : {};
const rows = value => Array.isArray(value) ? value : [];
const number = value => typeof value === "number" && isFinite(value) ? value : null;
const words = (value, none = "") => value === null || value === undefined || value === "" ? none : String(value);
const digits = value => Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
const grouped = value => number(value) === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits(value) });

// Text only ever goes through textContent: payloads, keys, hosts and errors come from uploads.
function text(node, value) { if (node.textContent !== value) node.textContent = value; }
function make(tag, className, parent, value) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (value !== undefined) node.textContent = value;
  if (parent) parent.append(node);
  return node;
}

// Keeps one child per key, in order, so that nothing is redrawn that did not change, and neither focus nor pictures are lost.
function keyed(parent, entries, create, update = () => {}) {
  const old = new Map([...parent.children].map(node => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const [key, value] of entries) {
    let node = old.get(String(key));
    if (node) old.delete(String(key)); else { node = create(key, value); node.dataset.key = key; }
    if (node === place) place = place.nextElementSibling; else parent.insertBefore(node, place);
    update(node, key, value);
  }
  for (const node of old.values()) node.remove();
}

// What is asked again names what it has; where nothing changed the very same value comes back.
const had = new Map();
async function json(path, patience = 10000) {
  const before = had.get(path), headers = before ? { "If-None-Match": before.tag } : {};
  const answer = await fetch(path, { cache: "no-store", headers, signal: AbortSignal.timeout(patience) });
  if (before && answer.status === 304) return before.value;
  if (!answer.ok) throw new Error(`answer ${answer.status}`);
  const value = await answer.json(), tag = answer.headers.get("ETag");
  if (tag) had.set(path, { tag, value });
  return value;
}

// Draws what `ask` resolves to, again and again, unless it is what was drawn last. A page that nobody looks at asks for nothing.
async function follow(ask, every, draw, lost) {
  let drawn;
  while (true) {
    try {
      const answer = await ask();
      if (answer !== drawn) draw(answer);
      drawn = answer;
    } catch (error) {
      drawn = undefined;
      lost(error);
    }
    await new Promise(rested => setTimeout(rested, every));
    while (document.hidden) await new Promise(seen => document.addEventListener("visibilitychange", seen, { once: true }));
  }
}
