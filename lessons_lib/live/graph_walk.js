// The graph walk. Values and slopes are those of `lessons_lib.gradients.Tensor`.

const STRINGS = {
  en: {
    step: "Step",
    next: "One step",
    previous: "One step back",
    numbers: "The four numbers that are given",
    graph: "The graph of L = d · d, with d = s − y, s = p + b, p = w · x; the table says the numbers.",
    legend: "In each box: the value on the left; after ↑, on the right, the slope of L.",
    begin: "Four numbers are given. Take a step.",
    forward: (made, value) => `Forward: ${made} = ${value}.`,
    seed: "Now backward. L grows exactly as fast as itself: its slope is 1.",
    back: (from, to, product) => `From ${from} back to ${to}: ${product}.`,
    adds: (name, sum) => `${name} was used twice, and the parts add up: ${sum}.`,
    caption: "Values and slopes so far",
    columns: ["Name", "Made by", "Value", "Slope"],
    given: "given",
  },
  es: {
    step: "Paso",
    next: "Un paso",
    previous: "Un paso atrás",
    numbers: "Los cuatro números dados",
    graph: "El grafo de L = d · d, con d = s − y, s = p + b, p = w · x; la tabla da los números.",
    legend: "En cada caja: a la izquierda, el valor; a la derecha, tras ↑, la pendiente de L.",
    begin: "Hay cuatro números dados. Da un paso.",
    forward: (made, value) => `Hacia delante: ${made} = ${value}.`,
    seed: "Ahora, hacia atrás. L crece exactamente al mismo ritmo que ella misma: su pendiente es 1.",
    back: (from, to, product) => `De ${from} hacia atrás, a ${to}: ${product}.`,
    adds: (name, sum) => `${name} se usó dos veces, y las partes se suman: ${sum}.`,
    caption: "Valores y pendientes hasta ahora",
    columns: ["Nombre", "Cómo se hace", "Valor", "Pendiente"],
    given: "dado",
  },
};

const MOST = 3; // the largest number that a slider gives
const GIVEN = ["w", "x", "b", "y"];
// Each value that is made: of which two, by which sign.
const MADE = { p: ["w", "·", "x"], s: ["p", "+", "b"], d: ["s", "−", "y"], L: ["d", "·", "d"] };
const CENTRES = {
  w: [60, 30],
  x: [182, 30],
  p: [121, 120],
  b: [243, 120],
  s: [182, 210],
  y: [304, 210],
  d: [243, 300],
  L: [243, 390],
};
const [WIDE, HIGH] = [112, 50]; // of a box

// How a sign makes a value of two, and how fast the value grows with each of them.
const SIGNS = {
  "·": { value: (a, b) => a * b, slopes: (a, b) => [b, a] },
  "+": { value: (a, b) => a + b, slopes: () => [1, 1] },
  "−": { value: (a, b) => a - b, slopes: () => [1, -1] },
};

// The steps of the walk: values in order, the slope of the result, then each value's slope handed
// on. A value that was used twice by the same sign gets its parts one after the other.
function stepsOf(made) {
  const names = Object.keys(made);
  const back = names.toReversed().flatMap((name) => {
    const [a, , b] = made[name];
    return a === b ? [[[name, 0]], [[name, 1]]] : [[[name, 0], [name, 1]]];
  });
  return [...names.map((name) => ({ forward: name })), { seed: names.at(-1) }].concat(
    back.map((uses) => ({ back: uses })),
  );
}

// What is known after so many steps: values, slopes, and the parts that the last step has handed on.
function walk(given, made, step) {
  const values = { ...given };
  const slopes = {};
  let parts = [];
  for (const { forward, seed, back } of stepsOf(made).slice(0, step)) {
    parts = [];
    if (forward) {
      const [a, sign, b] = made[forward];
      values[forward] = SIGNS[sign].value(values[a], values[b]);
    }
    if (seed) slopes[seed] = 1;
    for (const [from, place] of back ?? []) {
      const [a, sign, b] = made[from];
      const factor = SIGNS[sign].slopes(values[a], values[b])[place];
      const [to, before] = [[a, b][place], slopes[[a, b][place]]];
      const part = slopes[from] * factor;
      slopes[to] = (before ?? 0) + part;
      parts.push({ from, to, place, factor, part, before });
    }
  }
  return { values, slopes, parts };
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const given = Object.fromEntries(GIVEN.map((name) => [name, model.get(name)]));
  const steps = stepsOf(MADE);
  let step = model.get("step");

  const written = (number) => (number === undefined ? "" : plain(number + 0, language));
  const signed = (number) => (number < 0 ? `(${written(number)})` : written(number));
  const formula = (name) => (name in MADE ? MADE[name].join(" ") : say.given);

  const sliders = GIVEN.map((name) =>
    slider(name, { min: -MOST, max: MOST, step: 0.5 }, (value) => {
      given[name] = value;
      show();
    }),
  );
  const place = slider(say.step, { min: 0, max: steps.length, step: 1 }, (value) => {
    step = value;
    show();
  });
  const move = (by) => () => {
    step += by;
    show();
  };
  const next = button(say.next, move(1));
  const previous = button(say.previous, move(-1));
  const graph = shape("svg", {
    class: "live-graph",
    viewBox: "0 0 364 420",
    role: "img",
    "aria-label": say.graph,
  });
  const status = statusLine();
  const table = tableWith("live-walk", say.caption, say.columns);

  function line(from, to, which, state) {
    const [[x1, y1], [x2, y2]] = [CENTRES[from], CENTRES[to]];
    const aside = from === MADE[to][0] && from === MADE[to][2] ? (which ? 22 : -22) : 0;
    const used = state.parts.some((part) => part.from === to && part.place === which);
    return shape("line", {
      class: used ? "live-now" : "",
      x1: x1 + aside,
      y1: y1 + HIGH / 2,
      x2: x2 + aside,
      y2: y2 - HIGH / 2,
    });
  }

  function box(name, state) {
    const [x, y] = CENTRES[name];
    const { forward, seed } = steps[step - 1] ?? {};
    const now = [forward, seed, ...state.parts.map((part) => part.to)].includes(name);
    const text = (kind, dx, dy, content) =>
      shape("text", { class: kind, x: x + dx, y: y + dy }, content);
    const slope = written(state.slopes[name]);
    return shape(
      "g",
      { class: now ? "live-now" : "" },
      shape("rect", { x: x - WIDE / 2, y: y - HIGH / 2, width: WIDE, height: HIGH, rx: 6 }),
      text("live-name", 0, -7, name in MADE ? `${name} = ${formula(name)}` : name),
      text("live-value", 8 - WIDE / 2, 15, written(state.values[name])),
      text("live-slope", WIDE / 2 - 8, 15, slope && `↑ ${slope}`),
    );
  }

  function told({ values, slopes, parts }) {
    const { forward, seed } = steps[step - 1] ?? {};
    if (!step) return say.begin;
    if (seed) return say.seed;
    if (forward) {
      const [a, sign, b] = MADE[forward];
      const numbers = `${written(values[a])} ${sign} ${signed(values[b])}`;
      return say.forward(`${forward} = ${formula(forward)} = ${numbers}`, written(values[forward]));
    }
    return parts
      .flatMap(({ from, to, factor, part, before }) => [
        say.back(from, to, `${written(slopes[from])} · ${signed(factor)} = ${written(part)}`),
        ...(before === undefined
          ? []
          : [say.adds(to, `${written(before)} + ${signed(part)} = ${written(slopes[to])}`)]),
      ])
      .join(" ");
  }

  function show() {
    const state = walk(given, MADE, step);
    graph.replaceChildren(
      ...Object.entries(MADE).flatMap(([to, [a, , b]]) => [
        line(a, to, 0, state),
        line(b, to, 1, state),
      ]),
      ...Object.keys(CENTRES).map((name) => box(name, state)),
    );
    fillTable(
      table,
      Object.keys(CENTRES).map((name) =>
        rowOf(
          {},
          name,
          cell(formula(name)),
          cell(written(state.values[name])),
          cell(written(state.slopes[name])),
        ),
      ),
    );
    table.dataset.walk = JSON.stringify({ step, values: state.values, slopes: state.slopes });
    GIVEN.forEach((name, i) => sliders[i].set(given[name], written(given[name])));
    place.set(step, String(step));
    next.setAttribute("aria-disabled", step === steps.length);
    previous.setAttribute("aria-disabled", step === 0);
    status.textContent = told(state);
  }

  el.replaceChildren(
    formOf(
      language,
      place.box,
      element("div", { class: "live-buttons" }, next, previous),
      status,
      graph,
      element("p", { class: "live-legend" }, say.legend),
      element(
        "fieldset",
        { class: "live-given" },
        element("legend", {}, say.numbers),
        ...sliders.map((one) => one.box),
      ),
      scrolling(say.caption, table),
    ),
  );
  show();
}

const render = renderer(["w", "x", "b", "y", "step", "language"], draw);

export default { render };
