// SPDX-License-Identifier: MIT
// Draws the report from the data in the page. Text only ever becomes text nodes, with controls made visible.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const main = document.getElementById("main"), list = document.getElementById("contents");
  const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const clean = text => String(text).replace(hidden, c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  let serial = 0;

  function put(parent, name, attributes, text) {
    const vector = /^(svg|g|path|line|circle|text|title|rect)$/.test(name);
    const element = vector ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const key in attributes || {}) {
      element.setAttribute(key, attributes[key]);
    }
    if (text !== undefined) {
      element.textContent = clean(text);
    }
    parent.appendChild(element);
    return element;
  }

  function section(title) {
    const id = "s" + ++serial, part = put(main, "section", { "aria-labelledby": id });
    put(part, "h2", { id: id, tabindex: "-1" }, title);
    put(put(list, "li"), "a", { href: "#" + id }, title);
    return part;
  }

  const exists = value => typeof value === "number" && isFinite(value);
  function number(value) {
    if (!exists(value)) {
      return "–";
    }
    const size = Math.abs(value);
    return Number.isInteger(value) ? String(value) : size >= 100 ? value.toFixed(1) :
      size >= 0.001 ? value.toFixed(4) : value.toPrecision(3);
  }
  function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; value >= 1000 && unit < 4; unit++) {
      value /= 1024;
    }
    return (unit ? value.toFixed(1) : value) + " " + units[unit];
  }

  // head: texts; rows: lists of texts and numbers. first: whether the first cell of a row heads it.
  function table(parent, caption, head, rows, style, mark) {
    const box = put(parent, "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": clean(caption) });
    const whole = put(box, "table", style ? { class: style } : {});
    put(whole, "caption", {}, caption);
    const top = put(put(whole, "thead"), "tr"), body = put(whole, "tbody");
    const isText = head.map((h, i) => rows.some(row => typeof row[i] === "string" && row[i] !== "–"));
    head.forEach((h, i) => put(top, "th", { scope: "col", class: isText[i] ? "text" : "" }, h));
    rows.forEach((row, index) => {
      const line = put(body, "tr", mark === index ? { class: "best" } : {});
      row.forEach((cell, i) => {
        const text = typeof cell === "string" ? cell : number(cell);
        const place = put(line, i ? "td" : "th", i ? { class: isText[i] ? "text" : "" } : { scope: "row" });
        put(place, "bdi", {}, text);
      });
    });
    return whole;
  }

  function ticks(low, high, count) {
    const raw = (high - low) / count, power = Math.pow(10, Math.floor(Math.log10(raw)));
    const step = [1, 2, 5, 10].find(n => n * power >= raw * 0.999) * power, found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
      found.push(Number((k * step).toPrecision(12)));
    }
    return found;
  }

  const tick = v => Math.abs(v) >= 1e5 ? v / 1000 + "k" : v && Math.abs(v) < 0.001 ? v.toExponential(1) : v;

  // chart: {title, x, y, series: [{name, points: [[x, y]], band: [[x, low, high]], dash, dots}], mark: {x, y, text},
  // range: [x0, x1, y0, y1], whole}
  function chart(parent, spec) {
    const series = spec.series.filter(s => s.points.length);
    if (!series.length) {
      return;
    }
    const all = series.flatMap(s => s.points), H = 300, L = 56, R = 14, T = 10, B = 40;
    const W = Math.min(560, Math.max(300, parent.clientWidth)); // letters keep their size on a phone
    const fold = (f, i) => all.reduce((v, p) => f(v, p[i]), all[0][i]);
    let [x0, x1, y0, y1] = spec.range || [fold(Math.min, 0), fold(Math.max, 0), fold(Math.min, 1), fold(Math.max, 1)];
    if (spec.cut) {
      const sorted = all.map(p => p[1]).sort((a, b) => a - b);
      y1 = Math.min(y1, Math.max(2.5 * sorted[Math.floor((sorted.length - 1) * 0.9)], y0));
    }
    x1 = x1 > x0 ? x1 : x0 + 1;
    if (!spec.range) {
      const pad = y1 > y0 ? (y1 - y0) * 0.05 : Math.abs(y0) * 0.1 || 0.5;
      y1 += pad;
      y0 = y0 >= 0 ? Math.max(0, y0 - pad) : y0 - pad;
    }
    const X = x => L + (x - x0) / (x1 - x0) * (W - L - R);
    const Y = y => T + (1 - Math.min(1, Math.max(0, (y - y0) / (y1 - y0)))) * (H - T - B);
    const figure = put(parent, "figure", { class: "chart" });
    put(figure, "h3", {}, spec.title);
    const legend = put(figure, "div", { class: "legend" });
    const last = s => s.points[s.points.length - 1];
    const described = spec.title + ". " + series.map(s => s.name + ": " + s.points.length + " points, last " +
      number(last(s)[1])).join("; ") + (spec.mark ? ". " + spec.mark.text : "") + ". Arrow keys read the values.";
    const svg = put(figure, "svg", { viewBox: `0 0 ${W} ${H}`, tabindex: "0", role: "img", "aria-label": clean(described) });
    for (const y of ticks(y0, y1, 5)) {
      put(svg, "line", { class: "grid", x1: L, x2: W - R, y1: Y(y), y2: Y(y) });
      put(svg, "text", { x: L - 6, y: Y(y) + 4, "text-anchor": "end" }, tick(y));
    }
    for (const x of ticks(x0, x1, 6).filter(x => !spec.whole || Number.isInteger(x))) {
      put(svg, "line", { class: "grid", x1: X(x), x2: X(x), y1: T, y2: H - B });
      put(svg, "text", { x: X(x), y: H - B + 16, "text-anchor": "middle" }, tick(x));
    }
    put(svg, "path", { class: "axis", fill: "none", d: `M${L} ${T}V${H - B}H${W - R}` });
    put(svg, "text", { x: W - R, y: H - 6, "text-anchor": "end" }, spec.x + (spec.y ? " (across), " + spec.y + " (up)" : ""));
    series.forEach((s, index) => {
      const color = `var(--c${(s.color === undefined ? index : s.color) % 8})`;
      const path = points => points.map((p, i) => (i ? "L" : "M") + X(p[0]).toFixed(1) + " " + Y(p[1]).toFixed(1)).join("");
      if (s.band) {
        const edge = s.band.map(p => [p[0], p[2]]).concat(s.band.map(p => [p[0], p[1]]).reverse());
        put(svg, "path", { class: "band", style: `fill: ${color}`, d: path(edge) + "Z" });
      }
      put(svg, "path", { class: "curve", style: `stroke: ${color}`, d: path(s.points),
        "stroke-dasharray": s.dash ? "5 4" : "none", "stroke-opacity": s.faint ? 0.5 : 1 });
      if (s.points.length < 60 && s.dots !== false) {
        s.points.forEach(p => put(svg, "circle", { cx: X(p[0]), cy: Y(p[1]), r: 3, style: `fill: ${color}` }));
      }
      const entry = put(legend, "span");
      put(entry, "i", { style: `border-color: ${color}` + (s.dash ? "; border-top-style: dashed" : "") });
      put(entry, "bdi", {}, s.name);
    });
    if (spec.mark) {
      const ring = put(svg, "circle", { cx: X(spec.mark.x), cy: Y(spec.mark.y), r: 6, fill: "none",
        "stroke-width": 2, style: "stroke: var(--ink)" });
      put(ring, "title", {}, spec.mark.text);
    }
    const said = put(figure, "output", { "aria-live": "polite" }, spec.mark ? spec.mark.text : "");
    const cursor = put(svg, "line", { class: "cursor", y1: T, y2: H - B, x1: -9, x2: -9 });
    const places = [...new Set(all.map(p => p[0]))].sort((a, b) => a - b);
    let at = -1;
    function nearest(points, x) {
      let low = 0, high = points.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        points[middle][0] <= x ? low = middle : high = middle;
      }
      return Math.abs(points[high][0] - x) < Math.abs(points[low][0] - x) ? points[high] : points[low];
    }
    function show(x) {
      cursor.setAttribute("x1", X(x));
      cursor.setAttribute("x2", X(x));
      said.textContent = clean(spec.x + " " + number(x) + ": " + series.map(s => {
        const point = nearest(s.points, x);
        return s.name + " " + number(point[1]) + (point[0] !== x && spec.whole ? " (at " + number(point[0]) + ")" : "");
      }).join(", "));
    }
    svg.addEventListener("pointermove", event => {
      const box = svg.getBoundingClientRect(), inside = (event.clientX - box.left) / box.width * W;
      const wanted = x0 + (inside - L) / (W - L - R) * (x1 - x0), place = nearest(places.map(x => [x]), wanted)[0];
      at = places.indexOf(place);
      show(place);
    });
    svg.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -places.length, End: places.length }[event.key];
      if (step) {
        at = Math.min(places.length - 1, Math.max(0, at + step));
        show(places[at]);
        event.preventDefault();
      }
    });
    return figure;
  }

  function column(history, name) {
    const index = history.columns.indexOf(name);
    return index < 0 ? [] : history.rows.map((row, i) => [i + 1, row[index]]).filter(p => exists(p[1]));
  }
  const metrics = history => history.columns.filter(c => !/^(val|step|wait)_/.test(c) &&
    !["seconds", "images_per_second", "learning_rate"].includes(c));

  function curves(report) {
    const history = report.history, steps = report.steps;
    if (!history || !history.rows.length) {
      put(section("Curves"), "p", {}, "No epoch has ended yet.");
      return;
    }
    const part = section("Curves"), charts = put(part, "div", { class: "charts" });
    for (const name of metrics(history)) {
      const own = column(history, name), other = column(history, "val_" + name), shown = other.length ? other : own;
      const best = shown.find(p => p[0] === report.best_epoch);
      chart(charts, { title: name + " of each epoch", x: "epoch", whole: true, cut: name === "loss",
        series: [{ name: "training (running)", points: own }, { name: "validation", points: other }],
        mark: best && { x: best[0], y: best[1], text: `best epoch ${best[0]}: ${name} ${number(best[1])}` } });
    }
    if (steps && steps.points.length) {
      chart(charts, { title: "loss of each step", x: "step", whole: true, cut: true, series: [
        { name: steps.stride > 1 ? `mean of ${steps.stride} steps (band: least to greatest)` : "loss",
          points: steps.points.map(p => [p[0], p[1]]), band: steps.stride > 1 ? steps.points.map(p => [p[0], p[2], p[3]]) : null,
          dots: false }] });
    }
    const rates = column(history, "learning_rate");
    if (rates.some(p => p[1] !== rates[0][1])) {
      chart(charts, { title: "learning rate", x: "epoch", whole: true, series: [{ name: "learning rate", points: rates }] });
    }
    const more = put(part, "details");
    put(more, "summary", {}, "All values of each epoch");
    table(more, "Each epoch; the best one is marked", ["epoch"].concat(history.columns),
      history.rows.map((row, i) => [i + 1].concat(row)), "", report.best_epoch - 1);
  }

  function confusion(part, found) {
    const names = found.classes;
    if (!found.confusion) {
      table(part, "Most frequent confusions", ["true class", "predicted as", "images"],
        found.confusions.map(row => [names[row[0]], names[row[1]], row[2]]));
      return;
    }
    const whole = table(part, "Confusion matrix: rows are true classes, columns predicted ones", ["true \\ predicted"].concat(names),
      found.confusion.map((row, i) => [names[i]].concat(row)));
    [...whole.tBodies[0].rows].forEach((row, i) => {
      const sum = found.confusion[i].reduce((a, b) => a + b, 0);
      found.confusion[i].forEach((count, j) => {
        const share = sum ? count / sum : 0;
        row.cells[j + 1].style.background = `rgba(var(--${i === j ? "heat" : "bad"}), ${(share * 0.55).toFixed(3)})`;
        row.cells[j + 1].title = `${(100 * share).toFixed(1)} % of this class`;
      });
    });
  }

  function evaluation(found) {
    const part = section("Evaluation");
    put(part, "p", { class: "soft" }, found.of);
    const scores = [["accuracy", found.accuracy], ["log loss", found.log_loss], ["calibration error (ECE)", found.ece],
      ["mean area under ROC", found.auc], ["images", found.images]];
    const tiles = put(part, "div", { class: "tiles" });
    scores.filter(s => exists(s[1])).forEach(s => {
      const tile = put(tiles, "div", { class: "tile" });
      put(tile, "b", {}, number(s[1]));
      put(tile, "span", {}, s[0]);
    });
    confusion(part, found);
    table(section("Classes"), "Figures of each class", ["class", "precision", "recall", "F1", "images", "ROC area", "average precision"],
      found.per_class.map((row, i) => [found.classes[i]].concat(row)));
    const graphs = section("ROC, precision and calibration");
    if (found.curves_note) {
      put(graphs, "p", { class: "soft" }, found.curves_note);
    }
    let shown = found.curves, label = null, holder = null;
    function draw() {
      holder.textContent = "";
      chart(holder, { title: "ROC: true against false positive rate", x: "false positive rate", y: "true positive rate",
        range: [0, 1, 0, 1], series: shown.map(c => ({ name: `${found.classes[c.label]} (area ${number(c.auc)})`, points: c.roc, dots: false }))
          .concat([{ name: "chance", points: [[0, 0], [1, 1]], dash: true, dots: false, color: 7 }]) });
      chart(holder, { title: "Precision against recall", x: "recall", y: "precision", range: [0, 1, 0, 1],
        series: shown.map(c => ({ name: `${found.classes[c.label]} (average ${number(c.ap)})`, points: c.pr, dots: false })) });
      chart(holder, { title: `Reliability: expected calibration error ${number(found.ece)}`, x: "confidence", y: "accuracy",
        range: [0, 1, 0, 1], series: [{ name: "model", points: found.reliability.map(b => [b[1], b[2]]) },
          { name: "perfect", points: [[0, 0], [1, 1]], dash: true, dots: false, color: 7 }] });
    }
    if (found.curves.length > 1) {
      label = put(graphs, "label", {}, "Curves of ");
      const choice = put(label, "select");
      put(choice, "option", { value: "" }, found.curves.length > 8 ? "the first 8 classes" : "all classes, each against the rest");
      found.curves.forEach((c, i) => put(choice, "option", { value: i }, found.classes[c.label] + " against the rest"));
      shown = found.curves.slice(0, 8);
      choice.addEventListener("change", () => {
        shown = choice.value === "" ? found.curves.slice(0, 8) : [found.curves[choice.value]];
        draw();
      });
    }
    holder = put(graphs, "div", { class: "charts" });
    draw();
    const more = put(graphs, "details");
    put(more, "summary", {}, "Reliability as a table");
    table(more, "Predictions by their confidence", ["images", "mean confidence", "accuracy"], found.reliability);
  }

  function layers(report) {
    const part = section("Model"), times = {};
    (report.operations || []).forEach(o => {
      const sum = times[o.layer] || (times[o.layer] = { ms: 0, back: 0, algorithm: o.algorithm });
      if (exists(o.ms)) {
        sum[o.pass === "forward" ? "ms" : "back"] += o.ms;
      }
    });
    const all = Object.values(times).reduce((sum, t) => sum + t.ms, 0);
    const back = Object.values(times).reduce((sum, t) => sum + t.back, 0);
    const rows = report.layers.map(l => {
      const t = times[l.name];
      return [l.name, l.type, l.output, l.parameters, bytes(l.parameters * 4), bytes(l.bytes), t ? t.ms : "–",
        t && all ? (100 * t.ms / all).toFixed(1) : "–", ...(back ? [t && t.back ? t.back : "–"] : []),
        t && t.algorithm ? t.algorithm : "–"];
    });
    table(part, "Layers; times for one image, medians. Layers without a time are done in the same pass as the one before",
      ["layer", "type", "output", "parameters", "their memory", "output of an image", "ms forward", "% of it",
        ...(back ? ["ms backward"] : []), "algorithm"], rows);
    if (all) {
      put(part, "p", { class: "soft" }, `${all.toFixed(3)} ms forward${back ? ` and ${back.toFixed(3)} ms backward` : ""} for an image in all`);
    }
  }

  function settings(report) {
    const part = section("Settings");
    table(part, "Versions and settings", ["what", "value"], report.facts, "wide");
    put(part, "h3", {}, "Command line");
    put(put(part, "p"), "code", {}, report.command.map(a => /^[\w@%+=:,./-]+$/.test(a) ? a : "'" + a.replace(/'/g, "'\\''") + "'").join(" "));
  }

  function pictures() {
    for (const part of document.querySelectorAll("section[data-pictures]")) {
      const heading = part.querySelector("h2");
      main.appendChild(part);
      put(put(list, "li"), "a", { href: "#" + heading.id }, heading.textContent);
    }
  }

  // While it runs the page loads itself again; it stops when no news have come for long.
  function follow(report) {
    const line = document.getElementById("state"), age = Date.now() / 1000 - report.written, wait = report.wait || 10;
    if (report.state !== "running") {
      return;
    }
    if (age > 10 * wait + 120) {
      line.textContent = "no news since " + new Date(report.written * 1000).toLocaleString() + ": the run may have been broken off";
      return;
    }
    setTimeout(function again() {
      if (document.hidden || document.activeElement !== document.body) {
        setTimeout(again, 2000); // whoever reads values is not disturbed
      } else {
        location.reload();
      }
    }, 1000 * Math.min(60, Math.max(3, wait / 2)));
  }

  function differences(a, b) {
    const rows = [];
    function add(name, x, y) {
      if (exists(x) || exists(y)) {
        rows.push([name, x, y, exists(x) && exists(y) ? (y > x ? "+" : "") + number(y - x) : "–"]);
      }
    }
    const value = (r, name) => {
      const found = r.history && column(r.history, name).find(p => p[0] === r.best_epoch);
      return found ? found[1] : NaN;
    };
    add("best epoch", a.best_epoch || NaN, b.best_epoch || NaN);
    const names = new Set([a, b].flatMap(r => r.history ? r.history.columns : []));
    names.forEach(name => add(name + " of the best epoch", value(a, name), value(b, name)));
    ["accuracy", "log_loss", "ece", "auc", "images"].forEach(name =>
      add("evaluation: " + name, (a.evaluation || {})[name], (b.evaluation || {})[name]));
    return rows;
  }

  function compare(pair) {
    const [a, b] = pair, part = section("Differences");
    const numbers = differences(a, b);
    if (numbers.length) {
      table(part, "Figures", ["figure", "A", "B", "B - A"], numbers);
    }
    const facts = pair.map(r => new Map(r.facts)), keys = new Set([...facts[0].keys(), ...facts[1].keys()]);
    const other = [...keys].filter(k => facts[0].get(k) !== facts[1].get(k)).map(k => [k, facts[0].get(k) || "–", facts[1].get(k) || "–"]);
    other.push(["command line", a.command.join(" "), b.command.join(" ")]);
    table(part, "Settings that differ", ["what", "A", "B"], other, "wide");
    const charts = put(section("Curves"), "div", { class: "charts" }), has = pair.filter(r => r.history);
    new Set(has.flatMap(r => metrics(r.history))).forEach(name => {
      const series = [];
      pair.forEach((r, i) => {
        if (r.history) {
          series.push({ name: "AB"[i] + " training", points: column(r.history, name), dash: true, color: i, faint: true });
          series.push({ name: "AB"[i] + " validation", points: column(r.history, "val_" + name), color: i });
        }
      });
      chart(charts, { title: name, x: "epoch", whole: true, cut: name === "loss", series: series });
    });
    if (a.evaluation && b.evaluation) {
      chart(charts, { title: "Reliability", x: "confidence", y: "accuracy", range: [0, 1, 0, 1], series: pair.map((r, i) => (
        { name: "AB"[i], points: r.evaluation.reliability.map(p => [p[1], p[2]]) })) });
      const of = pair.map(r => new Map(r.evaluation.classes.map((c, i) => [c, r.evaluation.per_class[i]])));
      const both = [...of[0].keys()].filter(c => of[1].has(c));
      table(section("Classes"), "F1 of each class", ["class", "A", "B", "B - A"], both.map(c => {
        const x = of[0].get(c)[2], y = of[1].get(c)[2];
        return [c, x, y, exists(x) && exists(y) ? y - x : "–"];
      }));
    }
  }

  if (data.kind === "compare") {
    compare(data.reports);
    return;
  }
  if (data.kind === "train") {
    curves(data);
  }
  if (data.evaluation) {
    evaluation(data.evaluation);
  }
  pictures();
  if (data.layers) {
    layers(data);
  }
  settings(data);
  follow(data);
})();
