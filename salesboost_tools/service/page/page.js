"use strict";

// Everything shown is put in as text, never as markup: a tool's name or a reason may hold anything.

const POLL_MS = 5000;
const EVENTS_KEPT = 200;
const SHARES_KEPT = 60;
const RECONNECT_MS = 3000;

const running = new Map();   // tool -> calls under way, of which this page knows
const latest = new Map();    // tool -> what happened last
const pulls = new Map();     // group -> tool -> pulls at the last look
const shares = new Map();    // group -> tool -> shares of the choices between two looks
let paused = false;
let dropped = 0;
let socket = null;
let timer = null;

const at = (id) => document.getElementById(id);
const token = () => sessionStorage.getItem("token");

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`);

function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

// ---------------------------------------------------------------- asking

class Refused extends Error {}

async function ask(path) {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) throw new Refused(answer.status === 401 ? "" : "This token may not look.");
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function look() {
  clearTimeout(timer);
  try {
    const [health, cache, limits, selection] = await Promise.all(["health/tools", "cache", "limits", "selection"].map(ask));
    at("door").hidden = true;
    showTools(health, cache.tools, limits.tools);
    showGroups(selection, health.variants);
    if (socket === null) watch();
  } catch (error) {
    if (error instanceof Refused) {
      openDoor(token() ? error.message || "This token is not valid." : "");
      return;
    }
    at("overall").textContent = "no answer";
    at("overall").className = "badge unknown";
  }
  timer = setTimeout(look, POLL_MS);
}

function openDoor(why) {
  at("door").hidden = false;
  at("refused").textContent = why;
  at("token").focus();
}

at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", at("token").value);
  at("token").value = "";
  look();
});

// ---------------------------------------------------------------- tools

function showTools(health, cached, limits) {
  const overall = at("overall");
  overall.textContent = `${health.status}: ${health.healthy} of ${health.total_tools} tools healthy`;
  overall.className = `badge ${health.status}`;
  const rows = Object.entries(health.tools).map(([name, found]) => toolRow(name, found, cached[name], limits[name]));
  document.querySelector("#tools tbody").replaceChildren(...rows);
}

function toolRow(name, found, cached, limit) {
  const row = element("tr");
  row.append(element("th", name, { scope: "row" }));
  const health = cell("Health");
  health.append(element("span", found.status, { class: `badge ${found.status}` }));
  for (const reason of found.reasons) health.append(element("span", reason, { class: "why" }));
  const rate = cell("Left of the rate");
  if (limit && limit.left !== null) {
    rate.append(
      element("meter", null, { min: 0, max: limit.capacity, value: limit.left, "aria-label": `calls left of ${name}` }),
      ` ${limit.left} of ${limit.limit}`,
    );
  } else {
    rate.append(limit ? limit.limit : "–");
  }
  row.append(
    health,
    cell("Now", doing(name), { "data-now": name }),
    number("Calls", found.recent_calls),
    number("Failed", percent(found.failure_share)),
    number("p50", duration(found.p50_ms)),
    number("p95", duration(found.p95_ms)),
    number("p99", duration(found.p99_ms)),
    number("From memory", percent(cached ? cached.hit_rate : null)),
    rate,
  );
  return row;
}

const cell = (label, text, attributes = {}) => element("td", text, { "data-label": label, ...attributes });
const number = (label, text) => cell(label, text, { class: "number" });

function doing(name) {
  const count = running.get(name) || 0;
  if (count > 0) return count === 1 ? "1 call under way" : `${count} calls under way`;
  return latest.has(name) ? `idle; last: ${latest.get(name)}` : "idle";
}

function showDoing(name) {
  for (const place of document.querySelectorAll("[data-now]")) {
    if (place.dataset.now === name) place.textContent = doing(name);
  }
}

// ---------------------------------------------------------------- groups

function showGroups(selection, variants) {
  at("selection-mode").textContent = selection.enabled
    ? "The policy chooses, and learns from what comes of it."
    : "The first available tool serves; the policy looks on (TOOL_BANDIT_ENABLED=false).";
  const parts = Object.entries(selection.groups).map(([group, arms]) => groupTable(group, arms, variants));
  at("groups").replaceChildren(...(parts.length ? parts : [element("p", "No group has been called yet.")]));
}

function groupTable(group, arms, variants) {
  noteShares(group, arms);
  const part = element("div");
  const table = element("table");
  table.append(element("caption", `${group}: what the selector has learnt`));
  const head = element("tr");
  for (const title of ["Tool", "Health", "Choices", "Success", "Latency", "Reward", "Share of choices lately", "Why"]) {
    head.append(element("th", title, { scope: "col" }));
  }
  table.append(element("thead"), element("tbody"));
  table.tHead.append(head);
  for (const [name, arm] of Object.entries(arms)) {
    const row = element("tr");
    const health = cell("Health");
    const status = variants[name] ? variants[name].status : "unknown";
    health.append(element("span", status, { class: `badge ${status}` }));
    const share = cell("Share lately");
    share.append(shareLine(name, shares.get(group).get(name)));
    row.append(
      element("th", name, { scope: "row" }),
      health,
      cell("Choices", String(Math.round(arm.pulls))),
      cell("Success", percent(arm.success_rate)),
      cell("Latency", duration(arm.mean_latency_ms)),
      cell("Reward", reward(arm)),
      share,
      cell("Why", arm.why || (arm.last_error ? `last failure: ${arm.last_error}` : "–")),
    );
    table.tBodies[0].append(row);
  }
  part.append(element("h3", group), table);
  return part;
}

function reward(arm) {
  if (arm.mean_reward === null || arm.mean_reward === undefined) return "untried";
  const interval = arm.reward_low === undefined || arm.reward_low === null
    ? "" : ` (${arm.reward_low.toFixed(2)} to ${arm.reward_high.toFixed(2)})`;
  return arm.mean_reward.toFixed(3) + interval;
}

function noteShares(group, arms) {
  const before = pulls.get(group) || new Map();
  const now = new Map(Object.entries(arms).map(([name, arm]) => [name, arm.pulls]));
  const lines = shares.get(group) || new Map();
  const grown = new Map([...now].map(([name, count]) => [name, Math.max(0, count - (before.get(name) || 0))]));
  const total = [...grown.values()].reduce((sum, count) => sum + count, 0);
  for (const [name, count] of grown) {
    const line = lines.get(name) || [];
    if (total > 0) line.push(count / total);
    lines.set(name, line.slice(-SHARES_KEPT));
  }
  pulls.set(group, now);
  shares.set(group, lines);
}

function shareLine(name, line) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("class", "share");
  picture.setAttribute("viewBox", "0 0 120 28");
  picture.setAttribute("role", "img");
  const last = line.length ? line[line.length - 1] : null;
  picture.setAttribute("aria-label", `share of ${name}: ${last === null ? "nothing yet" : percent(last)}`);
  const back = document.createElementNS(picture.namespaceURI, "rect");
  back.setAttribute("width", "120");
  back.setAttribute("height", "28");
  const curve = document.createElementNS(picture.namespaceURI, "polyline");
  const points = line.length === 1 ? [line[0], line[0]] : line;
  const step = 120 / Math.max(1, points.length - 1);
  curve.setAttribute("points", points.map((share, place) => `${(place * step).toFixed(1)},${(26 - 24 * share).toFixed(1)}`).join(" "));
  picture.append(back, curve);
  return picture;
}

// ---------------------------------------------------------------- events

// What a subprotocol may be called is narrower than what a token may hold.
function coded(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function watch() {
  const base = new URL("ws/tools?replay=100", location.href);
  base.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  const offered = ["salesboost.status"];
  if (token()) offered.push(`bearer.${coded(token())}`);
  socket = new WebSocket(base, offered);
  socket.addEventListener("open", () => { at("link").textContent = "live"; });
  socket.addEventListener("message", (message) => hear(JSON.parse(message.data)));
  socket.addEventListener("close", () => {
    at("link").textContent = "not connected; trying again";
    running.clear();
    setTimeout(() => { socket = null; }, RECONNECT_MS);
  });
}

function hear(event) {
  if (event.type === "dropped") {
    dropped += event.count;
    at("dropped").textContent = `${dropped} events were too many for this page`;
    return;
  }
  const ends = ["completed", "failed", "interrupted", "cancelled"].includes(event.kind);
  if (event.kind === "started") running.set(event.tool, (running.get(event.tool) || 0) + 1);
  if (ends) running.set(event.tool, Math.max(0, (running.get(event.tool) || 0) - 1));
  latest.set(event.tool, event.kind);
  showDoing(event.tool);
  if (!paused) write(event, ends);
}

function write(event, ends) {
  const line = element("li");
  const time = element("time", new Date(event.at).toLocaleTimeString(), { datetime: event.at });
  const took = ends && event.latency_s !== null ? ` after ${duration(event.latency_s * 1000)}` : "";
  const details = Object.entries(event.details)
    .filter(([, value]) => value !== null && value !== false)
    .map(([name, value]) => `${name} ${value}`).join(", ");
  line.append(time, ` ${event.tool} ${event.kind}${took}`, details ? ` (${details})` : "");
  const events = at("events");
  events.prepend(line);
  while (events.childElementCount > EVENTS_KEPT) events.lastElementChild.remove();
}

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Go on" : "Pause";
});

look();
