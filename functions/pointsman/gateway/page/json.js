// JSON as text: numbers keep all their digits, which JSON.parse would not leave them.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const WIDE = 60;

/** Return JSON in lines that people can read; text that is none comes back as it is. */
export function pretty(text) {
  try {
    JSON.parse(text);
    const tokens = text.match(TOKEN) ?? [];
    return written(node(tokens, { at: 0 }), "");
  } catch {
    return text;
  }
}

/** A node is the text of a scalar, or `{ open, close, items: [[name, node], …] }`; an array's names are "". */
function node(tokens, place) {
  const open = tokens[place.at++];
  if (open !== "{" && open !== "[") return open;
  const close = open === "{" ? "}" : "]";
  const items = [];
  while (tokens[place.at] !== close) {
    let name = "";
    if (open === "{") {
      name = `${tokens[place.at]}: `;
      place.at += 2;
    }
    items.push([name, node(tokens, place)]);
    if (tokens[place.at] === ",") place.at++;
  }
  place.at++;
  return { open, close, items };
}

function written(value, indent) {
  if (typeof value === "string") return value;
  const { open, close, items } = value;
  const isRow = open === "[" && items.every(([, item]) => typeof item === "string");
  if (isRow) return `[${items.map(([, item]) => item).join(", ")}]`;
  const deeper = `${indent}  `;
  const lines = items.map(([name, item]) => name + written(item, deeper));
  const flat = `${open}${lines.join(", ")}${close}`;
  if (flat.length + indent.length <= WIDE && !flat.includes("\n")) return flat;
  return `${open}\n${lines.map((line) => deeper + line).join(",\n")}\n${indent}${close}`;
}
