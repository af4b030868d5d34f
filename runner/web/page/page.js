"use strict";

// Asks the daemon each second what it has counted, and shows the differences.
const EVERY_MS = 1000;
const MOMENTS = 300;
const SVG = "http://www.w3.org/2000/svg";
const BOUNDS_S = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const GOOD = new Set(["true", "false", "exit"]);
const moments = []; // one a second: what was counted in it
let before = null;

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

function duration(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${(seconds / length).toFixed(1)} ${unit}`;
  }
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return seconds ? `${Number((seconds * 1000).toPrecision(3))} ms` : "-";
}

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
  $(id).replaceChildren(...texts.map((text) => element("span", text)));
}

function charts() {
  const rates = moments.map((moment) => moment.rate);
  const top = Math.max(1, ...rates);
  $("rates").replaceChildren(line(rates, top, ""), line(moments.map((moment) => moment.failed), top, "bad"));
  axis("rates-axis", `the last ${MOMENTS / 60} min`, `top: ${top.toFixed(0)} a second`, `now: ${(rates.at(-1) ?? 0).toFixed(1)}`);

  const scaled = (share) => moments.map((moment) => {
    const time = quantile(moment.times, share);
    return time ? Math.min(1, Math.max(0, Math.log10(time / 0.0001) / 5)) : null;
  });
  $("latencies").replaceChildren(line(scaled(0.5), 1, ""), line(scaled(0.99), 1, "slow"));
  const last = [...moments].reverse().find((moment) => sum(moment.times));
  axis("latencies-axis", "0.1 ms to 10 s", last ? `half ${duration(quantile(last.times, 0.5))}, 99 % ${duration(quantile(last.times, 0.99))}` : "no exec yet");

  const most = Math.max(1, ...moments.flatMap((moment) => moment.times));
  const rows = BOUNDS_S.length + 1;
  const cells = [];
  moments.forEach((moment, column) => moment.times.forEach((count, row) => {
    if (!count) return;
    const x = (600 * (column + MOMENTS - moments.length)) / MOMENTS;
    cells.push(drawn("rect", { class: "cell", x: x.toFixed(1), y: (170 - (170 * (row + 1)) / rows).toFixed(1), width: 2.2, height: 10, "fill-opacity": (0.15 + (0.85 * Math.log1p(count)) / Math.log1p(most)).toFixed(2) }));
  }));
  $("heat").replaceChildren(...cells);
  axis("heat-axis", "0.1 ms below, more than 10 s above", `at most ${most} in a second`);
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
  $(id).replaceChildren(head, ...body);
}

const rates = new Map(); // by script and build: the count of the last look, and the execs per second since
function rateOf(key, count, at) {
  const known = rates.get(key);
  if (!known || known.at > at || known.count > count) {
    rates.set(key, { at, count, rate: 0 });
  } else if (at > known.at) {
    rates.set(key, { at, count, rate: (count - known.count) / (at - known.at) });
  }
  return rates.get(key).rate;
}

function scripts(status) {
  const rows = status.scripts.flatMap((script) => [...script.builds].reverse().map((build, index) => {
    const count = sum(build.times);
    const failures = Object.entries(build.outcomes).filter(([name]) => !GOOD.has(name));
    const failed = failures.map(([name, number]) => `${number} ${name}`).join(", ");
    const kind = index ? "earlier" : "";
    return [
      [index ? "" : script.path.split("/").at(-1) || "not known", kind, script.path], [build.build.slice(0, 8) || "-", kind], count,
      rateOf(`${script.path}\n${build.build}`, count, status.up_s).toFixed(1), duration(build.p50_s), duration(build.p99_s),
      [failed || "0", failed ? "bad" : ""], build.questions, build.edits,
      index ? "" : script.reloads, index || !script.reloads ? "" : duration(script.live_s),
    ];
  }));
  const seen = new Set(status.scripts.flatMap((script) => script.builds.map((build) => `${script.path}\n${build.build}`)));
  for (const key of rates.keys()) if (!seen.has(key)) rates.delete(key);
  table("scripts", [
    ["script", "Where the script is; not known: execs of which no script was known", "text"],
    ["build", "The first characters of the hash of all its files; the build that ran last is above", "text"],
    ["execs", "How often it ran since the daemon's start, or was to run"],
    ["per s", "Execs per second since the last look, a second ago"],
    ["half", "Half of the execs took at most as long"],
    ["99 %", "99 of 100 execs took at most as long"],
    ["failed", "Execs without a result, by what happened", "text"],
    ["questions", "Calls of the script that the SIP server answered"],
    ["edits", "Calls of the script that may have changed the message"],
    ["reloads", "Builds that took the place of another one since the daemon's start"],
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
    ["scripts", "What it has loaded", "text"],
    ["to be replaced", "Why it is replaced at the end of its lease", "text"],
  ], status.workers.map((worker) => [
    worker.pid, `${worker.runtime} ${worker.version}`, worker.client ? "lent" : worker.warming ? "warming" : worker.state,
    worker.client ?? "", worker.execs, worker.loads, `${(worker.rss_kib / 1024).toFixed(0)} MiB`, duration(worker.age_s),
    worker.loaded.map((path) => path.split("/").at(-1)).join(" "), [worker.retire_reason, "bad"],
  ]), "no worker is alive");
}

function numbers(status) {
  const builds = status.scripts.flatMap((script) => script.builds);
  const cards = [
    ["execs", sum(before.times), "Execs since the daemon's start"],
    ["per second", (moments.at(-1)?.rate ?? 0).toFixed(1), "Execs in the last second"],
    ["failed", before.failed, "Execs without a result: exceptions, timeouts, lost workers, none free"],
    ["workers", `${status.workers.length} of ${status.max_workers}`, "Workers that are alive, and the setting max_workers"],
    ["clients", `${status.users} of ${status.clients}`, "Connected processes that run scripts, of all that are connected"],
    ["waiting", status.waiting, "Clients that wait for a worker now"],
    ["reloads", sum(status.scripts.map((script) => script.reloads)), "Builds that took the place of another one"],
    ["outages", status.outages, "How often a process of the SIP server lost its daemon, or found none"],
    ["questions", sum(builds.map((build) => build.questions)), "Calls of scripts that the SIP server answered"],
    ["edits", sum(builds.map((build) => build.edits)), "Calls of scripts that may have changed a message"],
  ];
  $("numbers").replaceChildren(...cards.map(([name, value, title]) => {
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
  for (const message of status.refused_messages) found.push(`${message.script} is refused to Call-ID ${message.call_id} for ${message.left_s} s more`);
  $("warnings").replaceChildren(...found.map((text) => element("li", text)));
}

const open = new Set(); // the failures that are unfolded
function failures(status) {
  const shown = [...status.incidents].reverse().map((failure) => {
    const key = `${failure.outcome} ${failure.build}`;
    const made = element("details", "", { open: open.has(key) });
    made.addEventListener("toggle", () => (made.open ? open.add(key) : open.delete(key)));
    const when = new Date(failure.at * 1000).toLocaleTimeString();
    made.append(element("summary", `${when} ${failure.outcome}: ${failure.message}${failure.count > 1 ? ` (${failure.count} times)` : ""}`));
    made.append(element("p", `Call-ID ${failure.call_id ?? "none"}, build ${failure.build.slice(0, 8) || "none"}, process ${failure.client}, after ${duration(failure.took_s)}`));
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

async function look() {
  try {
    const [answer, ready] = await Promise.all([fetch("/api/status"), fetch("/ready")]);
    const status = await answer.json();
    const reason = (await ready.text()).trim();
    if (!before || before.pid !== status.pid) await rememberHistory();
    remember(totals(status));
    $("state").textContent = ready.ok ? "ready" : reason;
    $("state").className = `badge ${ready.ok ? "good" : "bad"}`;
    $("daemon").textContent = `process ${status.pid}, up ${duration(status.up_s)}, ${status.socket}`;
    warnings(status);
    numbers(status);
    charts();
    scripts(status);
    workers(status);
    if (JSON.stringify(status.incidents) !== look.incidents) failures(status);
    look.incidents = JSON.stringify(status.incidents);
    ended(status);
  } catch (error) {
    $("state").textContent = `no answer: ${error.message}`;
    $("state").className = "badge bad";
  }
  setTimeout(look, EVERY_MS);
}

look();
