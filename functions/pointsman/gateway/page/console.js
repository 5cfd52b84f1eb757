// Asks the gateway for its state each second and shows it; goes on asking when there is no answer.

import { number, say, span } from "./dom.js";
import { table } from "./table.js";
import { trial } from "./trial.js";

const EVERY_MS = 1000;
const PATIENCE_MS = 5000;

const at = (id) => document.getElementById(id);

/** Return the headers of the key. It is nowhere but in its field. */
function headers() {
  const key = at("key").value.trim();
  if (/[^\x21-\x7e]/.test(key)) throw Object.assign(new Error("key"), { said: "The key has characters that no key has." });
  return key ? { authorization: `Bearer ${key}` } : {};
}

const attempt = trial(headers);
const showModels = table(at("models"), attempt.choose);
let seen = performance.now();
let timer = 0;
let round = 0;

function show({ gateway, models }) {
  showModels(models);
  attempt.update(models);
  at("empty").hidden = models.length > 0;
  const sum = (field) => models.reduce((total, model) => total + model[field], 0);
  say(at("rate"), number(sum("rate") + gateway.unknown_rate));
  say(at("errors"), number(sum("error_rate") + gateway.unknown_rate));
  say(at("in-flight"), gateway.in_flight.toLocaleString("en-US"));
  say(at("uptime"), span(gateway.uptime_s));
  say(at("process"), gateway.process ? ` (${gateway.process})` : "");
  say(at("release"), `pointsman ${gateway.release}`);
}

function warn(text) {
  const banner = at("banner");
  document.body.classList.toggle("stale", Boolean(text));
  banner.hidden = !text;
  say(banner, text);
}

async function reason(response) {
  const hasKey = at("key").value.trim() !== "";
  if (response.status === 401) {
    return hasKey ? "This gateway does not know the API key." : "This gateway asks for an API key: type one above.";
  }
  const said = await response.json().then((body) => String(body.error), () => "");
  return `The gateway answers ${response.status}${said && `: ${said}`}. Trying again.`;
}

async function look() {
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    response = await fetch("console/state", { headers: headers(), cache: "no-store", signal });
    const state = response.ok ? await response.json() : null;
    if (!state) return await reason(response);
    show(state);
    seen = performance.now();
    return "";
  } catch (error) {
    if (error.said) return error.said;
    if (response && error instanceof TypeError) return "Gateway answers what this page cannot read. Load it again.";
    const ago = span((performance.now() - seen) / 1000);
    return `Gateway unreachable, last seen ${ago} ago. Trying again.`;
  }
}

async function poll() {
  const mine = ++round;
  clearTimeout(timer);
  const text = await look();
  if (mine !== round) return; // a later one was begun meanwhile
  warn(text);
  // Nobody looks: then nobody asks.
  if (!document.hidden) timer = setTimeout(poll, EVERY_MS);
}

at("key").addEventListener("change", poll);
document.addEventListener("visibilitychange", () => document.hidden || poll());
poll();
