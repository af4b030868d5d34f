"use strict";

// Asks the daemon again and again what it has counted, and shows the differences.
const EVERY_MS = 400;
const MOMENT_S = 1;
const MOMENTS = 300;
const SVG = "http://www.w3.org/2000/svg";
const BOUNDS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const GOOD = new Set(["true", "false", "exit"]);
const moments = []; // one a second: what was counted in it
let before = null;
let shown = 0; // the daemon's process

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const $ = (id) => document.getElementById(id);

function element(name, text, options = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  Object.assign(made, options);
  return made;
}

function drawn(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Shows what was made in place of what is there. What is alike stays, so that a meaning stays under the mouse.
function show(parent, made) {
  while (parent.childElementCount > made.length) parent.lastElementChild.remove();
  made.forEach((child, index) => {
    const old = parent.children[index];
    if (!old) {
      parent.append(child);
    } else if (old.nodeName !== child.nodeName || !old.childElementCount !== !child.childElementCount) {
      old.replaceWith(child);
    } else {
      for (const name of ["className", "title"]) if (old[name] !== child[name]) old[name] = child[name];
      if (child.childElementCount) show(old, [...child.children]);
      else if (old.textContent !== child.textContent) old.textContent = child.textContent;
    }
  });
}

function duration(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${(seconds / length).toFixed(1)} ${unit}`;
  }
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return seconds ? `${Number((seconds * 1000).toPrecision(3))} ms` : "-";
}

const moment = (at) => new Date(at * 1000).toLocaleTimeString();

function quantile(times, share) {
  const wanted = share * sum(times);
  let passed = 0;
  let lower = 0;
  for (let index = 0; index < BOUNDS_S.length; index += 1) {
    if (times[index] && passed + times[index] >= wanted) {
      return lower + ((BOUNDS_S[index] - lower) * (wanted - passed)) / times[index];
    }
    passed += times[index];
    lower = BOUNDS_S[index];
  }
  return wanted ? lower : 0;
}

function added(lists, length) {
  const total = new Array(length).fill(0);
  for (const list of lists) list.forEach((number, index) => { total[index] += number; });
  return total;
}

// What all builds of a status have counted.
function totals(status) {
  const builds = status.scripts.flatMap((script) => script.builds);
  const failed = sum(builds.flatMap((build) => Object.entries(build.outcomes)).filter(([name]) => !GOOD.has(name)).map(([, n]) => n));
  return { at: status.up_s, pid: status.pid, failed, times: added(builds.map((build) => build.times), BOUNDS_S.length + 1) };
}

// What the daemon has counted in the last minutes: seconds, failed, and execs by time.
async function rememberHistory() {
  const history = await (await fetch("/api/history")).json();
  before = null;
  moments.length = 0;
  for (const [at, failed, ...times] of history) remember({ at, pid: 0, failed, times });
  before = null; // the daemon's clock of these is another one
}

function remember(now) {
  if (before && before.pid === now.pid && now.at > before.at) {
    const passed = now.at - before.at;
    const times = now.times.map((count, index) => Math.max(0, count - before.times[index]));
    moments.push({ times, rate: sum(times) / passed, failed: Math.max(0, now.failed - before.failed) / passed });
    if (moments.length > MOMENTS) moments.shift();
  }
  before = now;
}

function line(values, top, kind) {
  const points = values.map((value, index) => (value === null ? null : [(600 * (index + MOMENTS - values.length)) / (MOMENTS - 1), 158 - (156 * value) / top]));
  let path = "";
  let isDown = false;
  for (const point of points) {
    if (point) path += `${isDown ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    isDown = Boolean(point);
  }
  return drawn("path", { d: path || "M0 0", class: `line ${kind}` });
}

function axis(id, ...texts) {
  show($(id), texts.map(([text, title]) => element("span", text, { title })));
}

function charts() {
  const rates = moments.map((moment) => moment.rate);
  const top = Math.max(1, ...rates);
  $("rates").replaceChildren(line(rates, top, ""), line(moments.map((moment) => moment.failed), top, "bad"));
  axis(
    "rates-axis",
    [`the last ${MOMENTS / 60} min`, "From the left to the right; this is also what the other charts show"],
    [`top: ${top.toFixed(0)} a second`, "The upper end of the chart: the most execs in one second"],
    [`now: ${(rates.at(-1) ?? 0).toFixed(1)}`, "Execs in the last second"],
  );

  const scaled = (share) => moments.map((moment) => {
    const time = quantile(moment.times, share);
    return time ? Math.min(1, Math.max(0, Math.log10(time / 0.0001) / 5)) : null;
  });
  const decades = [1, 2, 3, 4].map((power) => drawn("path", { d: `M0 ${158 - (156 * power) / 5}H600`, class: "line decade" }));
  $("latencies").replaceChildren(...decades, line(scaled(0.5), 1, ""), line(scaled(0.99), 1, "slow"));
  const last = [...moments].reverse().find((moment) => sum(moment.times));
  axis(
    "latencies-axis",
    ["0.1 ms to 10 s", "From the lower to the upper end; the lines are at 1, 10 and 100 ms and at 1 s"],
    [last ? `half ${duration(quantile(last.times, 0.5))}, 99 % ${duration(quantile(last.times, 0.99))}` : "no exec yet", "What half, and 99 of 100, of the execs of the last second with some took at most"],
  );

  const most = Math.max(1, ...moments.flatMap((moment) => moment.times));
  const rows = BOUNDS_S.length + 1;
  const cells = [];
  moments.forEach((moment, column) => moment.times.forEach((count, row) => {
    if (!count) return;
    const x = (600 * (column + MOMENTS - moments.length)) / MOMENTS;
    cells.push(drawn("rect", { class: "cell", x: x.toFixed(1), y: (170 - (170 * (row + 1)) / rows).toFixed(1), width: 2.2, height: 10, "fill-opacity": (0.15 + (0.85 * Math.log1p(count)) / Math.log1p(most)).toFixed(2) }));
  }));
  $("heat").replaceChildren(...cells);
  axis(
    "heat-axis",
    ["0.1 ms to 10 s", "Times of execs from the lower to the upper end, in the steps of /metrics"],
    [`darkest: ${most} a second`, "The most execs of one step in one second"],
  );
}

function table(id, columns, rows, empty) {
  const head = document.createElement("tr");
  for (const [name, meaning, kind] of columns) head.append(element("th", name, { title: meaning, className: kind || "" }));
  const body = rows.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((cell, index) => {
      const [text, kind, title] = Array.isArray(cell) ? cell : [cell, ""];
      row.append(element("td", text, { title: title || columns[index][1], className: `${columns[index][2] || ""} ${kind}` }));
    });
    return row;
  });
  if (!rows.length) {
    const row = document.createElement("tr");
    row.append(element("td", empty, { className: "text", colSpan: columns.length }));
    body.push(row);
  }
  const before = $(id).rows[0]?.cells.length === columns.length && $(id).rows[1]?.cells.length;
  if (before !== body[0].cells.length) $(id).replaceChildren();
  show($(id), [head, ...body]);
}

const rates = new Map(); // by script and build: the count of the last look, and the execs per second since
function rateOf(key, count, at) {
  const known = rates.get(key);
  if (!known || known.at > at || known.count > count) {
    rates.set(key, { at, count, rate: 0 });
  } else if (at - known.at >= MOMENT_S) {
    rates.set(key, { at, count, rate: (count - known.count) / (at - known.at) });
  }
  return rates.get(key).rate;
}

function scripts(status) {
  const known = status.scripts.filter((script) => script.path || script.builds.some((build) => sum(build.times)));
  const rows = known.flatMap((script) => [...script.builds].reverse().map((build, index) => {
    const count = sum(build.times);
    const failures = Object.entries(build.outcomes).filter(([name]) => !GOOD.has(name));
    const failed = failures.map(([name, number]) => `${number} ${name}`).join(", ");
    const kind = index ? "earlier" : "";
    return [
      [index ? "" : script.path.split("/").at(-1) || "not known", kind, script.path], [build.build.slice(0, 8) || "-", kind], count,
      rateOf(`${script.path}\n${build.build}`, count, status.up_s).toFixed(1), duration(build.p50_s), duration(build.p99_s),
      [failed || "0", failed ? "bad" : ""], build.questions, build.edits,
      index ? "" : script.reloads, index || !script.live_at ? "" : moment(script.live_at), index || !script.reloads ? "" : duration(script.live_s),
    ];
  }));
  const seen = new Set(status.scripts.flatMap((script) => script.builds.map((build) => `${script.path}\n${build.build}`)));
  for (const key of rates.keys()) if (!seen.has(key)) rates.delete(key);
  table("scripts", [
    ["script", "Where the script is; not known: execs of which no script was known", "text"],
    ["build", "The first characters of the hash of all its files; the build that ran last is above", "text"],
    ["execs", "How often it ran since the daemon's start, or was to run"],
    ["per s", "Execs per second, in the last second"],
    ["half", "Half of the execs took at most as long"],
    ["99 %", "99 of 100 execs took at most as long"],
    ["failed", "Execs without a result, by what happened", "text"],
    ["questions", "Calls of the script that the SIP server answered"],
    ["edits", "Calls of the script that may have changed the message"],
    ["reloads", "Builds that took the place of another one since the daemon's start"],
    ["last one", "When a worker had loaded the last of them"],
    ["live after", "From the last change of the files until a worker had loaded the new build"],
  ], rows, "no script has run yet");
}

function workers(status) {
  table("workers", [
    ["pid", "The process of the worker"],
    ["runtime", "What runs scripts there, and its version", "text"],
    ["state", "What it is doing: lent means that a process of the SIP server holds it", "text"],
    ["held by", "The process that holds it"],
    ["execs", "Execs begun in it, as its holder said last"],
    ["loads", "Assemblies loaded into it"],
    ["memory", "Resident memory of the process"],
    ["age", "Since it was started"],
    ["scripts", "What it has loaded: each with the first characters of its build", "text"],
    ["to be replaced", "Why it is replaced at the end of its lease", "text"],
  ], status.workers.map((worker) => [
    worker.pid, `${worker.runtime} ${worker.version}`, worker.client ? "lent" : worker.warming ? "warming" : worker.state,
    worker.client ?? "", worker.execs, worker.loads, `${(worker.rss_kib / 1024).toFixed(0)} MiB`, duration(worker.age_s),
    worker.loaded.map((path, index) => `${path.split("/").at(-1)} ${worker.builds[index].slice(0, 8)}`).join(", "), [worker.retire_reason, "bad"],
  ]), "no worker is alive");
}

function numbers(status, now) {
  const builds = status.scripts.flatMap((script) => script.builds);
  const cards = [
    ["execs", sum(now.times), "Execs since the daemon's start"],
    ["per second", (moments.at(-1)?.rate ?? 0).toFixed(1), "Execs in the last second"],
    ["failed", now.failed, "Execs without a result: exceptions, timeouts, lost workers, none free"],
    ["workers", status.workers.length, `Workers that are alive; the setting max_workers allows ${status.max_workers} of each runtime`],
    ["clients", `${status.users} of ${status.clients}`, "Connected processes that run scripts, of all that are connected"],
    ["waiting", status.waiting, "Clients that wait for a worker now"],
    ["reloads", sum(status.scripts.map((script) => script.reloads)), "Builds that took the place of another one"],
    ["outages", status.outages, "How often a process of the SIP server lost its daemon, or found none"],
    ["questions", sum(builds.map((build) => build.questions)), "Calls of scripts that the SIP server answered"],
    ["edits", sum(builds.map((build) => build.edits)), "Calls of scripts that may have changed a message"],
  ];
  show($("numbers"), cards.map(([name, value, title]) => {
    const card = element("div", "", { title });
    card.append(element("b", value), element("span", name));
    return card;
  }));
}

function warnings(status) {
  const found = [];
  if (status.advice) found.push(status.advice);
  if (status.start_failures) found.push(`${status.start_failures} starts of a worker failed: ${status.start_error}`);
  for (const [script, left] of Object.entries(status.refused_scripts)) found.push(`${script} is refused for ${left} s more: it took worker after worker with it`);
  for (const one of status.checks) if (one.verdict === "bad") found.push(`${one.check}: ${one.text}`);
  for (const message of status.refused_messages) found.push(`${message.script} is refused to Call-ID ${message.call_id} for ${message.left_s} s more`);
  show($("warnings"), found.map((text) => element("li", text)));
}

const open = new Set(); // the failures that are unfolded
function failures(status) {
  const shown = [...status.incidents].reverse().map((failure) => {
    const key = `${failure.outcome} ${failure.build}`;
    const made = element("details", "", { open: open.has(key) });
    made.addEventListener("toggle", () => (made.open ? open.add(key) : open.delete(key)));
    made.append(element("summary", `${moment(failure.at)} ${failure.outcome}: ${failure.message}${failure.count > 1 ? ` (${failure.count} times)` : ""}`, { title: "When, what it came to, and why; how often it was told since the daemon's start, where it was not the only one" }));
    const title = "The message, the build that ran, the process of the SIP server, and how long it had waited";
    made.append(element("p", `Call-ID ${failure.call_id ?? "none"}, build ${failure.build.slice(0, 8) || "none"}, process ${failure.client}, after ${duration(failure.took_s)}`, { title }));
    if (failure.detail) made.append(element("pre", failure.detail));
    return made;
  });
  $("incidents").replaceChildren(...(shown.length ? shown : [element("p", "none since the daemon's start", { className: "earlier" })]));
}

function ended(status) {
  table("ended", [
    ["reason", "Why workers were replaced, retired or lost", "text"],
    ["workers", "How many, since the daemon's start"],
  ], Object.entries(status.ended).map(([reason, count]) => [reason, count]), "none");
}

function checks(status) {
  const order = { bad: 0, none: 1, ok: 2 };
  table("checks", [
    ["check", "What was looked at, by the name that app-mono doctor has for it", "text"],
    ["verdict", "ok; to be fixed; or a hint: missing, and not needed", "text"],
    ["found", "What was found, and how to have it otherwise", "text prose"],
  ], [...status.checks].sort((one, other) => order[one.verdict] - order[other.verdict]).map((one) => {
    const [verdict, kind] = { bad: ["fix", "bad"], none: ["hint", "hint"], ok: ["ok", "earlier"] }[one.verdict];
    return [one.check, [verdict, kind], one.text];
  }), "not looked yet");
}

async function look() {
  try {
    const [answer, ready] = await Promise.all([fetch("/api/status"), fetch("/ready")]);
    const status = await answer.json();
    const reason = (await ready.text()).trim();
    const now = totals(status);
    if (shown !== status.pid) await rememberHistory();
    shown = status.pid;
    if (!before || now.at - before.at >= MOMENT_S) remember(now);
    $("state").textContent = ready.ok ? "ready" : reason;
    $("state").className = `badge ${ready.ok ? "good" : "bad"}`;
    $("daemon").textContent = `process ${status.pid}, up ${duration(status.up_s)}, ${status.socket}`;
    warnings(status);
    numbers(status, now);
    charts();
    scripts(status);
    workers(status);
    if (JSON.stringify(status.incidents) !== look.incidents) failures(status);
    look.incidents = JSON.stringify(status.incidents);
    ended(status);
    checks(status);
  } catch (error) {
    $("state").textContent = `no answer: ${error.message}`;
    $("state").className = "badge bad";
  }
  setTimeout(look, EVERY_MS);
}

look();
