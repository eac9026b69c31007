// The optimizer race. It steps as `lessons_lib.training.SGD` and `lessons_lib.training.AdamW` do.

const STRINGS = {
  en: {
    lr: "Learning rate, the same for all three",
    step: "Step",
    next: "One step",
    turn: "Turn the valley by 45 degrees",
    names: { sgd: "SGD", momentum: "SGD with momentum 0.9", adamw: "AdamW" },
    valley: (names) => `The valley from above, with the paths of ${names}; the table says where.`,
    legend: "Solid: SGD. Dashed: SGD with momentum. Dotted: AdamW. The lowest place is in the middle.",
    lowest: (step, name, height) => `After step ${step}, ${name} is lowest: height ${height}.`,
    begin: (height) => `All three stand at height ${height}. Take a step.`,
    caption: "Where they are",
    columns: ["Optimizer", "Place x", "Place y", "Height"],
  },
  es: {
    lr: "Tasa de aprendizaje, la misma para los tres",
    step: "Paso",
    next: "Un paso",
    turn: "Girar el valle 45 grados",
    names: { sgd: "SGD", momentum: "SGD con momento 0,9", adamw: "AdamW" },
    valley: (names) => `El valle desde arriba, con los caminos de ${names}; la tabla dice dónde.`,
    legend:
      "Continua: SGD. A trazos: SGD con momento. De puntos: AdamW. El lugar más bajo está en el centro.",
    lowest: (step, name, height) => `Tras el paso ${step}, el más bajo es ${name}: altura ${height}.`,
    begin: (height) => `Los tres están a la altura ${height}. Da un paso.`,
    caption: "Dónde están",
    columns: ["Optimizador", "Lugar x", "Lugar y", "Altura"],
  },
};

const LAST = 60;
const WIDEST = 2.5; // the picture goes as far to each side
const UNIT = 50; // of the picture's units in one of the valley's
const KINDS = ["sgd", "momentum", "adamw"];

// Along and across the valley, whose directions are turned by an angle.
const along = ([x, y], angle) => [
  x * Math.cos(angle) + y * Math.sin(angle),
  y * Math.cos(angle) - x * Math.sin(angle),
];

function height(place, steepness, angle) {
  const [u, v] = along(place, angle);
  return (u * u + steepness * v * v) / 2;
}

function slope(place, steepness, angle) {
  const [u, v] = along(place, angle);
  return along([u, steepness * v], -angle);
}

const NEXT = {
  sgd: (state, slope, lr) => ({ ...state, move: -lr * slope }),
  momentum: (state, slope, lr) => {
    const velocity = 0.9 * state.velocity + slope;
    return { ...state, velocity, move: -lr * velocity };
  },
  adamw: (state, slope, lr) => {
    const step = state.step + 1;
    const mean = state.mean + 0.1 * (slope - state.mean);
    const square = 0.95 * state.square + 0.05 * slope * slope;
    const size = Math.sqrt(square / (1 - 0.95 ** step)) + 1e-8;
    return { step, mean, square, move: (-lr * mean) / (1 - 0.9 ** step) / size };
  },
};

// The places of an optimizer from the start to the last step.
function walk(kind, start, steepness, angle, lr, steps) {
  const path = [start];
  let states = start.map(() => ({ velocity: 0, step: 0, mean: 0, square: 0 }));
  for (let step = 0; step < steps; step += 1) {
    const place = path[step];
    const slopes = slope(place, steepness, angle);
    states = states.map((state, i) => NEXT[kind](state, slopes[i], lr));
    path.push(place.map((number, i) => number + states[i].move));
  }
  return path;
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const start = model.get("start");
  const steepness = model.get("steepness");
  let lr = model.get("lr");
  let step = model.get("step");
  let angle = 0;

  // three decimals; numbers that have run away as powers of ten
  const short = (number) =>
    Math.abs(number) < 1000 ? decimal(number, 3, language) : scientific(number, language, 0);

  // the slider holds the rate's logarithm: one step is a tenth of a factor of ten
  const rate = slider(say.lr, { min: -3, max: 0, step: 0.1 }, (value) => {
    lr = Number((10 ** value).toPrecision(2));
    show();
  });
  const steps = slider(say.step, { min: 0, max: LAST, step: 1 }, (value) => {
    step = value;
    show();
  });
  const next = button(say.next, () => {
    step += 1;
    show();
  });
  const turn = checkbox(say.turn, false, (checked) => {
    angle = checked ? Math.PI / 4 : 0;
    show();
  });
  const edge = WIDEST * UNIT;
  const map = shape("svg", {
    class: "live-valley",
    viewBox: `${-edge} ${-edge} ${2 * edge} ${2 * edge}`,
    role: "img",
  });
  const status = statusLine();
  const table = tableWith("live-race", say.caption, say.columns);

  function show() {
    const from = along(start, -angle); // the start turns with the valley
    const paths = KINDS.map((kind) => walk(kind, from, steepness, angle, lr, step));
    const ends = paths.map((path) => path[step]);
    const heights = ends.map((place) => height(place, steepness, angle));

    // Places far outside the picture would be numbers too large to draw.
    const far = 3 * WIDEST;
    const point = (place) =>
      place.map((number, i) => Math.max(-far, Math.min(far, number)) * (i ? -UNIT : UNIT));
    const rings = [0.05, 0.25, 1, 2.5, 5, 10, 20, 40].map((level) =>
      shape("ellipse", {
        rx: UNIT * Math.sqrt(2 * level),
        ry: UNIT * Math.sqrt((2 * level) / steepness),
        transform: `rotate(${(-angle * 180) / Math.PI})`,
      }),
    );
    const lines = paths.map((path, i) =>
      shape("polyline", {
        class: `live-${KINDS[i]}`,
        points: path.map((place) => point(place).join(",")).join(" "),
      }),
    );
    const marks = ends.map((place, i) => {
      const [cx, cy] = point(place);
      return shape("circle", { class: `live-${KINDS[i]}`, cx, cy, r: 4 });
    });
    map.replaceChildren(...rings, ...lines, ...marks);

    fillTable(
      table,
      KINDS.map((kind, i) =>
        rowOf({}, say.names[kind], ...[...ends[i], heights[i]].map((number) => cell(short(number)))),
      ),
    );
    table.dataset.race = JSON.stringify({ lr, step, angle, paths, heights });
    rate.set(Math.log10(lr), plain(lr, language));
    steps.set(step, String(step));
    next.setAttribute("aria-disabled", step === LAST);
    const best = heights.indexOf(Math.min(...heights));
    status.textContent = step
      ? say.lowest(step, say.names[KINDS[best]], short(heights[best]))
      : say.begin(short(heights[best]));
  }

  map.setAttribute("aria-label", say.valley(KINDS.map((kind) => say.names[kind]).join(", ")));
  el.replaceChildren(
    formOf(
      language,
      rate.box,
      steps.box,
      element("div", { class: "live-buttons" }, next),
      turn,
      map,
      element("p", { class: "live-legend" }, say.legend),
      status,
      scrolling(say.caption, table),
    ),
  );
  show();
}

const render = renderer(["start", "steepness", "lr", "step", "language"], draw);

export default { render };
