// The form that sends a request, and what came of it.

import { element, latency } from "./dom.js";
import { pretty } from "./json.js";

const MOST_ELEMENTS = 20_000;
const MOST_SHOWN = 200_000;
const PATIENCE_MS = 120_000;

const at = (id) => document.getElementById(id);

/** Return `{ update(models), choose(model) }`. `headers()` are those of the key; it throws where the key cannot be one. */
export function trial(headers) {
  const form = at("trial-form"), body = at("trial-body"), send = at("trial-send");
  const modelChoice = at("trial-model"), versionChoice = at("trial-version");
  let models = [];
  let filled = "";
  let isSending = false;

  const chosen = () => models.find((model) => model.model === modelChoice.value);
  const path = () => {
    const version = versionChoice.value ? `versions/${encodeURIComponent(versionChoice.value)}/` : "";
    return `v2/models/${encodeURIComponent(modelChoice.value)}/${version}infer`;
  };

  function fill() {
    const { text, hint } = zeros(signature(chosen(), versionChoice.value));
    body.value = filled = text;
    at("trial-hint").textContent = hint;
  }

  function refresh() {
    const versions = (chosen()?.versions ?? []).map((version) => [version.version, `${version.version} · ${version.state}`]);
    offer(versionChoice, [["", "by the split"], ...versions]);
    at("trial-path").textContent = modelChoice.value ? `POST /${path()}` : "";
    send.disabled = isSending || !modelChoice.value;
    // What somebody wrote is theirs; what we filled in follows the choice.
    if (body.value === filled) {
      const { text, hint } = zeros(signature(chosen(), versionChoice.value));
      if (text !== filled) body.value = filled = text;
      at("trial-hint").textContent = hint;
    }
  }

  async function submit() {
    if (send.disabled) return;
    isSending = send.disabled = true;
    at("answer").replaceChildren(element("p", { class: "quiet" }, "Waiting for the answer."));
    try {
      at("answer").replaceChildren(...(await ask(path(), body.value, headers)));
    } finally {
      isSending = false;
      refresh();
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  modelChoice.addEventListener("change", refresh);
  versionChoice.addEventListener("change", refresh);
  at("trial-reset").addEventListener("click", fill);

  return {
    update(now) {
      models = now;
      offer(modelChoice, models.map((model) => [model.model, model.model]));
      refresh();
    },
    choose(model) {
      modelChoice.value = model;
      versionChoice.value = "";
      refresh();
      body.focus();
      form.scrollIntoView({ block: "nearest" });
    },
  };
}

/** Make these the options of a choice; what was chosen stays chosen while it is among them. */
function offer(choice, options) {
  const before = [...choice.options].map((option) => [option.value, option.textContent]);
  if (JSON.stringify(before) === JSON.stringify(options)) return;
  const value = choice.value;
  choice.replaceChildren(...options.map(([key, title]) => element("option", { value: key }, title)));
  choice.value = options.some(([key]) => key === value) ? value : options[0]?.[0] ?? "";
}

/** Return the inputs of a version, or of the one that most requests get. */
function signature(model, version) {
  const versions = model?.versions ?? [];
  if (version) return versions.find((one) => one.version === version)?.inputs ?? [];
  const heaviest = [...versions].sort((one, other) => other.weight - one.weight);
  return (heaviest.find((one) => one.weight && one.inputs.length) ?? heaviest.find((one) => one.inputs.length))?.inputs ?? [];
}

/** Return a body of zeros for these inputs, one row each, and what to say of it. */
function zeros(inputs) {
  let hint = inputs.length ? "" : "This version declares no signature: say yourself what its inputs are.";
  const filled = inputs.map(({ name, datatype, shape }) => {
    const sizes = shape.map((size) => (size < 0 ? 1 : size));
    const count = sizes.reduce((one, other) => one * other, 1);
    if (count > MOST_ELEMENTS) hint = `${name} takes ${count.toLocaleString("en-US")} elements: too many to show, put them in yourself.`;
    const zero = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
    return { name, datatype, shape: sizes, data: count > MOST_ELEMENTS ? [] : new Array(count).fill(zero) };
  });
  return { text: pretty(JSON.stringify({ inputs: filled })), hint };
}

/** Send a body and return the elements that tell what came of it. */
async function ask(path, body, headers) {
  const began = performance.now();
  try {
    const response = await fetch(path, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers() },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    return answer(response, text, performance.now() - began);
  } catch (error) {
    const said = error.name === "TimeoutError" ? "No answer within two minutes." : error.said ?? "The gateway is unreachable.";
    return [element("p", { class: "outcome bad" }, said)];
  }
}

function answer(response, text, ms) {
  const body = parsed(text);
  const version = response.headers.get("x-pointsman-version") ?? body?.model_version ?? "";
  const arm = response.headers.get("x-pointsman-arm") ?? body?.parameters?.arm ?? "";
  const facts = [["Status", `${response.status} ${response.statusText}`.trim()], ["Latency", latency(ms)]];
  if (version) facts.push(["Version", version]);
  if (arm) facts.push(["Arm", arm]);
  for (const output of Array.isArray(body?.outputs) ? body.outputs : []) {
    facts.push([`Output ${output.name}`, `${output.datatype} [${(output.shape ?? []).join(", ")}]`]);
  }
  const list = element("dl", { class: `outcome ${response.ok ? "good" : "bad"}` });
  for (const [name, value] of facts) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}\n… ${text.length - MOST_SHOWN} characters more` : pretty(text);
  return [list, element("pre", { tabindex: "0", "aria-label": "Body of the answer" }, shown)];
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
