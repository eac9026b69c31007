// The optimizer race. It steps as `lessons_lib.training.SGD` and `lessons_lib.training.AdamW` do.

const STRINGS = {
  en: {
    lr: "Learning rate of all three",
    step: "Step",
    next: "One step",
    play: "Play",
    pause: "Pause",
    startX: "Start, along the valley",
    startY: "Start, across the valley",
    losses: (step) => `Heights after each step, on a scale of powers of ten; now step ${step}.`,
    high: "height",
    numbers: "In numbers",
    turn: "Turn the valley by 45 degrees",
    names: { sgd: "SGD", momentum: "SGD with momentum 0.9", adamw: "AdamW" },
    valley: (names) => `The valley from above, with the paths of ${names}; the table says where.`,
    legend: "The lowest place is in the middle. Drag the ring: all three start there.",
    lowest: (step, name, height) => `After step ${step}, ${name} is lowest: height ${height}.`,
    begin: (height) => `All three stand at height ${height}. Take a step.`,
    caption: "Where they are",
    columns: ["Optimizer", "Place x", "Place y", "Height"],
  },
  es: {
    lr: "Tasa de aprendizaje de los tres",
    step: "Paso",
    next: "Un paso",
    play: "Reproducir",
    pause: "Pausa",
    startX: "Salida, a lo largo del valle",
    startY: "Salida, a lo ancho del valle",
    losses: (step) => `Alturas tras cada paso, en escala de potencias de diez; ahora, el paso ${step}.`,
    high: "altura",
    numbers: "En números",
    turn: "Girar el valle 45 grados",
    names: { sgd: "SGD", momentum: "SGD con momento 0,9", adamw: "AdamW" },
    valley: (names) => `El valle desde arriba, con los caminos de ${names}; la tabla dice dónde están.`,
    legend: "El lugar más bajo está en el centro. Arrastra el anillo: los tres salen de ahí.",
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
const PACE = 110; // milliseconds for a step while it plays
const [LOWEST, HIGHEST] = [-4, 4]; // powers of ten between which the curves are drawn

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
  let start = model.get("start");
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
  let [wholes, heights] = [[], []]; // the three paths to the end, and how high they are

  // The curves of the heights, whole but pale, and as far as the race has come.
  const curves = drawing("live-curves", (width, put) => {
    const [left, top, foot] = [36, 8, 150];
    const across = (place) => left + ((width - left - 6) * place) / LAST;
    const down = (value) => {
      const power = Math.max(LOWEST, Math.min(HIGHEST, Math.log10(Math.max(value, 1e-300))));
      return top + ((foot - top) * (HIGHEST - power)) / (HIGHEST - LOWEST);
    };
    const ends = { x1: left, x2: width - 6 };
    for (const power of [4, 2, 0, -2, -4]) {
      const y = down(10 ** power);
      put(shape("line", { class: "live-grid", ...ends, y1: y, y2: y }));
      put(textAt(left - 4, y + 4, powerOfTen(power), "live-small live-end"));
    }
    wholes.forEach((path, i) => {
      const all = path.map((place, t) => `${across(t)},${down(height(place, steepness, angle))}`);
      const line = (points, kind) => shape("polyline", { class: kind, points: points.join(" ") });
      put(line(all, `live-pale live-${KINDS[i]}`));
      put(line(all.slice(0, step + 1), `live-run live-${KINDS[i]}`));
      const [x, y] = all[step].split(",");
      put(shape("circle", { class: `live-${KINDS[i]}`, cx: x, cy: y, r: 4 }));
    });
    put(shape("line", { class: "live-now", x1: across(step), x2: across(step), y1: top, y2: foot }));
    put(textAt(left, foot + 15, `${say.high} ↑`, "live-small"));
    put(textAt(width - 6, foot + 15, `${say.step} →`, "live-small live-end"));
    return foot + 20;
  });
  const stepAt = ([x]) => {
    const wide = curves.svg.clientWidth;
    step = Math.max(0, Math.min(LAST, Math.round(((x - 36) / (wide - 42)) * LAST)));
    show();
  };
  dragging(curves.svg, (_, place) => (stop(), stepAt(place), true), stepAt);

  // Which line is whose.
  const key = element(
    "ul",
    { class: "live-key-list" },
    ...KINDS.map((kind) =>
      element(
        "li",
        {},
        shape(
          "svg",
          { class: "live-sample", viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true" },
          shape("polyline", { class: `live-${kind}`, points: "0,6 34,6" }),
          shape("circle", { class: `live-${kind}`, cx: 26, cy: 6, r: 4 }),
        ),
        say.names[kind],
      ),
    ),
  );

  // The race by itself.
  const { button: play, stop } = player([say.play, say.pause], PACE, {
    begin: () => {
      if (step === LAST) step = 0;
      show();
    },
    forward: () => {
      step = Math.min(step + 1, LAST);
      show();
      return step < LAST;
    },
    jump: () => {
      step = LAST;
      show();
    },
  });

  // The start is dragged in the picture, or moved along and across by the keyboard.
  function startAt(place) {
    const far = Math.max(1, Math.hypot(...place) / WIDEST);
    start = place.map((number) => Number((number / far).toFixed(2)));
    show();
  }
  const sides = [say.startX, say.startY].map((label, i) => {
    const range = { min: -WIDEST, max: WIDEST, step: 0.1 };
    return slider(label, range, (value) => startAt(i ? [start[0], value] : [value, start[1]]));
  });
  const moved = ([x, y]) => {
    const { width } = map.getBoundingClientRect();
    const place = [x, y].map((one) => ((2 * one) / width - 1) * WIDEST);
    startAt(along([place[0], -place[1]], angle));
  };
  dragging(map, (target) => target.classList.contains("live-handle"), moved);

  const show = onceAFrame(() => {
    const from = along(start, -angle); // the start turns with the valley
    wholes = KINDS.map((kind) => walk(kind, from, steepness, angle, lr, LAST));
    const paths = wholes.map((path) => path.slice(0, step + 1));
    const ends = paths.map((path) => path[step]);
    heights = ends.map((place) => height(place, steepness, angle));

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
    const [cx, cy] = point(from);
    const ring = shape("circle", { class: "live-ring", cx, cy, r: 8 });
    const handle = shape("circle", { class: "live-handle", cx, cy, r: 26 });
    map.replaceChildren(...rings, ...lines, ring, ...marks, handle);
    curves.show();
    curves.label(say.losses(step));
    sides.forEach((side, i) => side.set(start[i], plain(start[i], language)));

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
  });

  map.setAttribute("aria-label", say.valley(KINDS.map((kind) => say.names[kind]).join(", ")));
  el.replaceChildren(
    formOf(
      language,
      element("div", { class: "live-unseen" }, ...sides.map(({ box }) => box)),
      element("div", { class: "live-pictures" }, map, curves.svg),
      key,
      element("p", { class: "live-legend" }, say.legend),
      element("div", { class: "live-buttons" }, play, next, turn),
      element("div", { class: "live-row" }, rate.box, steps.box),
      status,
      folded(say.numbers, scrolling(say.caption, table)),
    ),
  );
  show();
  return stop;
}

const render = renderer(["start", "steepness", "lr", "step", "language"], draw);

export default { render };
