// Questions and error bars. Intervals are those of `lessons_lib.evaluation`.

const STRINGS = {
  en: {
    a: "A is right, percent",
    b: "B is right, percent",
    questions: "Questions",
    differ: "Only one is right, percent",
    picture: "Both accuracies with their intervals, from 0 to 100 percent; the table says the numbers.",
    apart: (n) => `${n} questions tell them apart: the interval of the difference leaves out 0.`,
    together: (n) => `${n} questions do not tell them apart: 0 lies in the interval of the difference.`,
    needed: (n) => `To find this difference four times in five takes ${n} questions.`,
    equal: "They are equally good: no number of questions can find a difference.",
    caption: "Percent right, and 95% intervals",
    columns: ["Model", "Percent", "From", "To"],
  },
  es: {
    a: "A acierta, por ciento",
    b: "B acierta, por ciento",
    questions: "Preguntas",
    differ: "Acierta solo uno, por ciento",
    picture:
      "Los dos porcentajes de aciertos con sus intervalos, de 0 a 100; la tabla da los números.",
    apart: (n) => `${n} preguntas los distinguen: el intervalo de la diferencia deja fuera el 0.`,
    together: (n) =>
      `${n} preguntas no los distinguen: el 0 está dentro del intervalo de la diferencia.`,
    needed: (n) => `Para hallar esta diferencia cuatro veces de cada cinco hacen falta ${n} preguntas.`,
    equal: "Son igual de buenos: ningún número de preguntas puede hallar una diferencia.",
    caption: "Porcentaje de aciertos e intervalos del 95 %",
    columns: ["Modelo", "Porcentaje", "Desde", "Hasta"],
  },
};

const SIZES = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const Z = 1.9599639845400536; // 95% of a normal distribution lie within so many standard errors
const Z_POWER = 0.8416212335729144; // 80% lie below

function wilson(share, n) {
  const z2 = Z ** 2;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = Math.sqrt(z2 * ((share * (1 - share)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

// The percent nearest to `differ` on which two such models can differ.
const possible = (a, b, differ) =>
  Math.min(Math.max(differ, Math.abs(a - b)), a + b, 200 - a - b);

// All that the figure shows, for percents and a number of questions.
function compare(percentA, percentB, n, percentDiffer) {
  const [a, b] = [percentA / 100, percentB / 100];
  const differ = possible(percentA, percentB, percentDiffer) / 100;
  const gap = a - b;
  const variance = Math.max(0, differ - gap * gap);
  const half = Z * Math.sqrt(variance / n);
  const z = Z + Z_POWER;
  const needed = Math.max(1, Math.ceil((z * z * variance) / (gap * gap) - 1e-9));
  return {
    a: [a, ...wilson(a, n)],
    b: [b, ...wilson(b, n)],
    gap: [gap, gap - half, gap + half],
    needed: gap ? needed : null,
    apart: gap - half > 0 || gap + half < 0,
  };
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const state = Object.fromEntries(
    ["a", "b", "questions", "differ"].map((name) => [name, model.get(name)]),
  );

  const percent = (name) =>
    slider(say[name], { min: 0, max: 100, step: 1 }, (value) => {
      state[name] = value;
      show();
    });
  const sliders = { a: percent("a"), b: percent("b"), differ: percent("differ") };
  const size = slider(say.questions, { min: 0, max: SIZES.length - 1, step: 1 }, (place) => {
    state.questions = SIZES[place];
    show();
  });
  const picture = shape("svg", {
    class: "live-intervals",
    viewBox: "0 0 340 112",
    role: "img",
    "aria-label": say.picture,
  });
  const status = statusLine();
  const table = tableWith("live-exam", say.caption, say.columns);
  const at = (share) => 30 + 290 * share;

  function bar(name, [share, low, high], y) {
    return shape(
      "g",
      {},
      shape("text", { x: 8, y: y + 5 }, name),
      shape("line", { x1: at(low), x2: at(high), y1: y, y2: y }),
      ...[low, high].map((end) =>
        shape("line", { x1: at(end), x2: at(end), y1: y - 8, y2: y + 8 }),
      ),
      shape("circle", { cx: at(share), cy: y, r: 5 }),
    );
  }

  function axis() {
    return [0, 25, 50, 75, 100].map((value) =>
      shape(
        "g",
        { class: "live-axis" },
        shape("line", { x1: at(value / 100), x2: at(value / 100), y1: 8, y2: 88 }),
        shape("text", { x: at(value / 100), y: 106 }, String(value)),
      ),
    );
  }

  function show() {
    state.differ = possible(state.a, state.b, state.differ);
    const found = compare(state.a, state.b, state.questions, state.differ);
    picture.replaceChildren(...axis(), bar("A", found.a, 30), bar("B", found.b, 66));
    const written = (part) => cell(decimal(100 * part, 1, language));
    fillTable(
      table,
      [
        ["A", found.a],
        ["B", found.b],
        ["A − B", found.gap],
      ].map(([name, numbers]) => rowOf({}, name, ...numbers.map(written))),
    );
    table.dataset.exam = JSON.stringify({ ...found, differ: state.differ });
    for (const [name, one] of Object.entries(sliders)) one.set(state[name], String(state[name]));
    const n = plain(state.questions, language);
    size.set(SIZES.indexOf(state.questions), n);
    status.textContent =
      found.needed === null
        ? say.equal
        : `${(found.apart ? say.apart : say.together)(n)} ${say.needed(plain(found.needed, language))}`;
  }

  el.replaceChildren(
    formOf(
      language,
      sliders.a.box,
      sliders.b.box,
      size.box,
      sliders.differ.box,
      picture,
      status,
      scrolling(say.caption, table),
    ),
  );
  show();
}

const render = renderer(["a", "b", "questions", "differ", "language"], draw);

export default { render };
