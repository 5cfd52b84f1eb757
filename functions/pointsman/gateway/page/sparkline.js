// A curve of requests per second over the last two minutes, errors in red on the same scale. Each curve has a scale of
// its own: how a version goes is to be seen, how much it gets is said beside it.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 30;
const SECONDS = 119;
const REACH = 2;

/** Return `{ root, update(requests, errors) }`; both are counts per second. */
export function sparkline() {
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("viewBox", `0 0 ${SECONDS - 1} ${HEIGHT}`);
  root.setAttribute("preserveAspectRatio", "none");
  root.setAttribute("class", "spark");
  root.setAttribute("role", "img");
  const [ground, area, line, bad] = ["ground", "area", "line", "bad"].map((name) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    root.append(path);
    return path;
  });
  ground.setAttribute("d", `M0 ${HEIGHT - 0.5}H${SECONDS - 1}`);
  return {
    root,
    update(requests, errors) {
      const rates = smooth(requests);
      const most = Math.max(1, ...rates);
      const curve = points(rates, most);
      line.setAttribute("d", curve && `M${curve}`);
      area.setAttribute("d", curve && `M0 ${HEIGHT}L${curve}L${SECONDS - 1} ${HEIGHT}Z`);
      const wrong = points(smooth(errors), most);
      bad.setAttribute("d", wrong && `M0 ${HEIGHT}L${wrong}L${SECONDS - 1} ${HEIGHT}Z`);
      root.setAttribute("aria-label", `at most ${Math.max(0, ...requests)} requests in a second of the last 2 minutes`);
    },
  };
}

/** Return the means of each second and its neighbours: single requests would make a comb of a curve. */
function smooth(counts) {
  return counts.map((_, at) => {
    const near = counts.slice(Math.max(0, at - REACH), at + REACH + 1);
    return near.reduce((one, other) => one + other, 0) / near.length;
  });
}

function points(rates, most) {
  const scale = (HEIGHT - 2) / most;
  return rates.map((rate, at) => `${at} ${(HEIGHT - 0.5 - rate * scale).toFixed(1)}`).join("L");
}
