// The models, and a row for each of their versions.

import { element, keep, latency, number, percent, say } from "./dom.js";
import { sparkline } from "./sparkline.js";

const COLUMNS = [
  ["version", "Version"], ["state", "State"], ["weight", "Weight"], ["spark", "Last 2 minutes"],
  ["rate", "Rate /s"], ["p50", "p50"], ["p99", "p99"], ["errors", "Errors /s"], ["share", "Share"],
];

const MEANING = {
  REGISTERED: "no pod has taken it up yet",
  LOADING: "a pod loads it",
  WARMING: "its first passes run",
  READY: "takes traffic",
  DRAINING: "finishes what it has",
  RETIRED: "leaves the table",
  UNREACHABLE: "its pods fell silent",
  FAILED: "cannot be loaded",
};

/** Return `update(models)`, which shows them below `parent`. `choose(model)` is called where somebody wants to try one. */
export function table(parent, choose) {
  const known = new Map();
  return (models) => keep(parent, known, models, (model) => model.model, (model) => section(model, choose));
}

function section(model, choose) {
  const epoch = element("span", { class: "quiet epoch" });
  const rate = element("span", { class: "quiet figures" });
  const attempt = element("button", { type: "button", class: "small", "aria-label": `Try ${model.model}` }, "Try");
  attempt.addEventListener("click", () => choose(model.model));
  const heads = COLUMNS.map(([name, title]) => element("th", { scope: "col", role: "columnheader", class: name }, title));
  const head = element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads));
  const body = element("tbody", { role: "rowgroup" });
  const caption = element("caption", { class: "hidden" }, `Versions of ${model.model}`);
  const root = element(
    "article", { class: "model" },
    element("div", { class: "model-head" }, element("h3", {}, model.model), epoch, rate, attempt),
    element("table", { role: "table" }, caption, head, body),
  );
  const known = new Map();
  return {
    root,
    update(now) {
      say(epoch, `epoch ${now.epoch}`);
      say(rate, `${number(now.rate)} /s${now.error_rate ? `, ${number(now.error_rate)} errors /s` : ""}`);
      keep(body, known, now.versions, (version) => version.version, row);
    },
  };
}

function row() {
  const cells = Object.fromEntries(COLUMNS.map(([name, title]) => {
    const attributes = { class: name, "data-title": title, role: name === "version" ? "rowheader" : "cell" };
    if (name === "version") return [name, element("th", { ...attributes, scope: "row" })];
    return [name, element("td", attributes)];
  }));
  const name = element("span", { class: "name" });
  const labels = element("span", { class: "labels" });
  const place = element("span", { class: "quiet place" });
  cells.version.append(name, labels, place);
  const word = element("span", { class: "word" });
  const meaning = element("span", { class: "quiet meaning" });
  cells.state.append(word, meaning);
  const fill = element("span", { class: "fill" });
  const weight = element("span", { class: "figure" });
  cells.weight.append(weight, element("span", { class: "bar", "aria-hidden": "true" }, fill));
  const curve = sparkline();
  cells.spark.append(curve.root);
  const root = element("tr", { role: "row" }, ...Object.values(cells));
  return {
    root,
    update(version) {
      say(name, version.version);
      say(labels, version.labels.join(", "));
      say(place, `${version.runtime} · ${version.pool}`);
      say(word, version.state);
      word.dataset.state = version.state;
      const idle = version.state === "READY" && !version.weight ? "answers who asks for it" : MEANING[version.state];
      say(meaning, version.reason || idle || "");
      meaning.title = version.reason;
      say(weight, percent(version.weight / 100));
      fill.style.width = `${Math.min(100, version.weight)}%`;
      curve.update(version.requests, version.errors);
      figures(cells, version.recent);
    },
  };
}

function figures(cells, recent) {
  const shown = {
    rate: number(recent.rate),
    p50: latency(recent.p50_ms),
    p99: latency(recent.p99_ms),
    errors: number(recent.error_rate),
    share: recent.requests ? percent(recent.share) : "–",
  };
  for (const [name, text] of Object.entries(shown)) {
    say(cells[name], text);
    cells[name].classList.toggle("nothing", text === "0" || text === "–");
  }
  cells.errors.classList.toggle("wrong", recent.error_rate > 0);
}
