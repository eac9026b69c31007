// The page of a run: its record as curves, numbers and a table, in English and Spanish.

const WORDS = {
  en: {
    title: "Training", other: "Español", step: "step", steps: "steps", time: "time",
    tokens: "tokens read", loss: "loss", validation: "validation", speed: "tokens per second",
    mfu: "MFU", memory: "memory", left: "time left", rate: "part of the full learning rate",
    gradient: "length of the gradient", perToken: "loss, nats per token",
    perTokenLater: "validation loss, nats per token", last: "last",
    reports: "Reports", run: "run", nothing: "No step yet.",
  },
  es: {
    title: "Entrenamiento", other: "English", step: "paso", steps: "pasos", time: "tiempo",
    tokens: "tokens leídos", loss: "pérdida", validation: "validación",
    speed: "tokens por segundo", mfu: "MFU", memory: "memoria", left: "tiempo restante",
    rate: "parte de la tasa de aprendizaje completa", gradient: "longitud del gradiente",
    perToken: "pérdida, nats por token",
    perTokenLater: "pérdida de validación, nats por token", last: "último valor", reports: "Informes",
    run: "ejecución", nothing: "Todavía no hay ningún paso.",
  },
};
const COLOURS = ["--c0", "--c1", "--c2", "--c3", "--c4", "--c5"];
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "1 4", "12 4"];
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [440, 240, 52, 12, 8, 34];
const SVG = "http://www.w3.org/2000/svg";

const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");
const asked = new URLSearchParams(location.search).get("lang");
let language = WORDS[asked] ? asked : navigator.language?.startsWith("es") ? "es" : "en";

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A number as the language writes it, with so many digits that count. */
function written(x, digits = 4, tongue = language) {
  const form = { maximumSignificantDigits: digits, useGrouping: "always" };
  return x.toLocaleString(tongue === "es" ? "es" : "en", form).replaceAll(".", tongue === "es" ? "\u00a0" : ".");
}

/** A loss: three decimals, so that a column of them is easy to compare. */
function decimals(x) {
  const form = { minimumFractionDigits: 3, maximumFractionDigits: 3 };
  return x.toLocaleString(language, form);
}

function clock(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Whole numbers of nice steps that cover a range, four or so. */
function ticks(low, high) {
  const raw = (high - low || Math.abs(high) || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: 12 }, (_, i) => (first + i) * step).filter((at) => at <= high + step * 1e-9);
}

function finite(lines, value) {
  return lines
    .map((line) => [line.step, value(line)])
    .filter(([, y]) => typeof y === "number" && Number.isFinite(y));
}

/** Means of neighbours, where a line has more points than pixels. */
function smoothed(points, most = 200) {
  const size = Math.ceil(points.length / most);
  if (size <= 1) return points;
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size));
  const mean = (group, i) => group.reduce((sum, point) => sum + point[i], 0) / group.length;
  return groups.map((group) => [mean(group, 0), mean(group, 1)]);
}

function chart(title, lines) {
  const words = WORDS[language];
  const seen = lines.filter((line) => line.points.length);
  const figure = element("figure", {}, element("h2", { textContent: title }));
  if (!seen.length) return null;
  const xs = seen.flatMap((line) => line.points.map((point) => point[0]));
  const ys = seen.flatMap((line) => line.points.map((point) => point[1])).sort((a, b) => a - b);
  const top = ys[Math.min(ys.length - 1, Math.ceil(0.995 * ys.length))];  // a spike hides no line
  const [low, high] = ys[0] === top ? [ys[0] - 0.5, top + 0.5] : [ys[0], top];
  const right = Math.max(...xs, 1);
  const x = (step) => LEFT + ((WIDTH - LEFT - RIGHT) * step) / right;
  const y = (value) =>
    TOP + ((HEIGHT - TOP - BOTTOM) * (high - Math.min(value, high))) / (high - low);
  const told = seen.map((line) => `${line.name}: ${words.last} ${written(line.points.at(-1)[1])}`);
  const picture = drawn("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${told.join("; ")}`,
  });
  for (const at of ticks(low, high)) {
    picture.append(drawn("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }));
    picture.append(drawn("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, written(at)));
  }
  for (const at of ticks(0, right)) {
    const anchor = x(at) > WIDTH - 40 ? "end" : "middle";
    picture.append(drawn("text", { x: x(at), y: HEIGHT - 18, "text-anchor": anchor }, written(at, 6)));
  }
  picture.append(drawn("text", { x: WIDTH - RIGHT, y: HEIGHT - 3, "text-anchor": "end" }, words.steps));
  const legend = element("div", { className: "legend" });
  for (const line of seen) {
    const path = line.points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`);
    picture.append(drawn("path", {
      class: line.thin ? "line thin" : "line", d: path.join(""),
      style: `stroke: var(${line.colour})`, "stroke-dasharray": line.dash,
    }));
    const mark = element("i");
    mark.style.borderTopColor = `var(${line.colour})`;
    mark.style.borderTopStyle = line.dash ? "dashed" : "solid";
    legend.append(element("span", {}, mark, line.name));
  }
  figure.append(picture);
  if (seen.length > 1) figure.append(legend);
  return figure;
}

/** One line for each run; of a single run, also the other values. */
function lines(value, words, thin = false) {
  return data.runs.map((run, i) => ({
    name: data.runs.length > 1 ? run.name : words,
    points: smoothed(finite(run.lines, value)),
    colour: COLOURS[i % COLOURS.length],
    dash: data.runs.length > 1 ? DASHES[i % DASHES.length] : "",
    thin,
  }));
}

function charts() {
  const words = WORDS[language];
  const validation = lines((line) => line.validation, words.validation);
  const loss = lines((line) => line.loss, words.loss, validation.some((line) => line.points.length));
  const both = data.runs.length > 1
    ? [[words.perTokenLater, validation], [words.perToken, loss]]
    : [[words.perToken, [...loss, ...validation.map((line) => ({ ...line, colour: "--c1" }))]]];
  return [
    ...both,
    [words.speed, lines((line) => line.machine?.tokens_per_second, words.speed)],
    [words.gradient, lines((line) => line.gradient, words.gradient)],
    [words.rate, lines((line) => line.rate, words.rate)],
  ].map(([title, series]) => chart(title, series)).filter(Boolean);
}

function numbers(line) {
  const words = WORDS[language];
  const machine = line.machine ?? {};
  const shown = [
    [words.step, written(line.step, 12)], [words.time, clock(line.seconds)],
    [words.tokens, written(line.tokens, 12)], [words.loss, decimals(line.loss)],
    [words.validation, line.validation === undefined ? null : decimals(line.validation)],
    [words.speed, machine.tokens_per_second === undefined ? null : written(machine.tokens_per_second)],
    [words.mfu, machine.mfu === undefined ? null : written(100 * machine.mfu, 2) + (language === "es" ? "\u00a0%" : "%")],
    [words.memory, machine.memory_bytes === undefined ? null : `${written(machine.memory_bytes / 1e9, 3)}\u00a0GB`],
    [words.left, machine.seconds_left === undefined ? null : clock(machine.seconds_left)],
  ].filter(([, value]) => value !== null);
  return shown;
}

/** The last line, with what the last report told where it tells nothing itself. */
function latest(run) {
  const report = run.lines.findLast((line) => line.machine) ?? {};
  const measured = run.lines.findLast((line) => line.validation !== undefined) ?? {};
  return { machine: report.machine, validation: measured.validation, ...run.lines.at(-1) };
}

function table() {
  const words = WORDS[language];
  const many = data.runs.length > 1;
  const rows = many
    ? data.runs.filter((run) => run.lines.length).map((run) => [[words.run, run.name], ...numbers(latest(run))])
    : data.runs[0].lines.filter((line) => line.machine).slice(-20).reverse().map(numbers);
  if (!rows.length) return "";
  const names = [...new Set(rows.flatMap((row) => row.map(([name]) => name)))];
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col", textContent: name })));
  const body = rows.map((row) => {
    const found = new Map(row);
    return element("tr", {}, ...names.map((name) => element("td", { textContent: found.get(name) ?? "" })));
  });
  const grid = element("table", {}, element("caption", { textContent: words.reports }), head, ...body);
  return element("div", { className: "scroll", tabIndex: 0 }, grid);
}

function draw() {
  const words = WORDS[language];
  document.documentElement.lang = language;
  const held = document.activeElement?.tagName === "BUTTON";
  const other = element("button", { textContent: words.other, lang: language === "en" ? "es" : "en" });
  other.onclick = () => {
    language = language === "en" ? "es" : "en";
    draw();
  };
  const name = data.runs.length > 1 ? words.title : `${words.title}: ${data.runs[0].name}`;
  document.title = name;
  const parts = [element("header", {}, element("h1", { textContent: name }), other)];
  if (data.runs.some((run) => run.lines.length)) {
    if (data.runs.length === 1) {
      const shown = numbers(latest(data.runs[0])).map(([term, value]) =>
        element("div", {}, element("dt", { textContent: term }), element("dd", { textContent: value })));
      parts.push(element("dl", { className: "numbers" }, ...shown));
    }
    parts.push(element("div", { className: "charts" }, ...charts()), table());
  } else {
    parts.push(element("p", { textContent: words.nothing }));
  }
  page.replaceChildren(...parts);
  if (held) other.focus();
}

/** Read the records again; a line that is not whole yet waits for the next time. */
async function follow() {
  for (const run of data.runs) {
    try {
      const answer = await fetch(run.path, { cache: "no-store" });
      if (!answer.ok) continue;
      const texts = (await answer.text()).split("\n").slice(0, -1);
      run.lines = texts.filter(Boolean).map((text) => JSON.parse(text));
    } catch {
      continue;  // the run is being moved, or the server has ended: what is shown stays
    }
  }
  draw();
}

draw();
if (location.protocol.startsWith("http")) {
  await follow();
  setInterval(follow, 5000);
} else if (!data.done) {
  setTimeout(() => location.reload(), 10000);
}
