// Elements from what the gateway says. Text is only ever set as text: names of models are anybody's.

/** Return an element with attributes; a string among the children is text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Set the text of an element, if it differs: a selection in it survives. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Make the children of `parent` those of `items`, in their order, and update each. What is already there is kept,
 * so that the focus stays where it is. `make(item)` returns `{ root, update }`.
 */
export function keep(parent, known, items, keyOf, make) {
  const wanted = new Set(items.map(keyOf));
  for (const [key, child] of known) {
    if (!wanted.has(key)) {
      child.root.remove();
      known.delete(key);
    }
  }
  items.forEach((item, at) => {
    const key = keyOf(item);
    if (!known.has(key)) known.set(key, make(item));
    const child = known.get(key);
    if (parent.children[at] !== child.root) parent.insertBefore(child.root, parent.children[at] ?? null);
    child.update(item);
  });
}

/** Return a rate or count in few digits: 0, 0.4, 12.3, 4,210. */
export function number(value) {
  if (!value) return "0";
  if (value < 0.05) return "< 0.1";
  return value < 100 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value).toLocaleString("en-US");
}

/** Return milliseconds in three digits: 0.42 ms, 3.1 ms, 1.2 s. */
export function latency(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms >= 999.5) return `${(ms / 1000).toPrecision(ms >= 9995 ? 3 : 2)} s`;
  if (ms >= 99.5) return `${Math.round(ms)} ms`;
  return `${ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

/** Return a part, 0 to 1, in per cent. */
export function percent(part) {
  const value = part * 100;
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, "")} %`;
}

/** Return a span of seconds in its two largest units: 3 d 4 h. */
export function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  let rest = seconds;
  return units.slice(first, first + 2).map(([name, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? `${count} ${name}` : "";
  }).filter(Boolean).join(" ");
}
