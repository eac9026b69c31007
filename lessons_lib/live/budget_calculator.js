// The budget calculator. Its numbers are those of `lessons_lib.scaling`: `training_flops`,
// `training_seconds`, `training_memory` in mixed precision, `compute_optimal`, and a loss law.

const STRINGS = {
  en: {
    model: "Start from a real model",
    parameters: "Parameters N",
    tokens: "Tokens of training D",
    n_devices: "Number of devices",
    utilisation: "Utilisation, % of the peak",
    device: "Device",
    picture:
      "Loss by the law: the darker the lower, over parameters and tokens, both on a scale of powers of ten.",
    beneath: "Below: the loss of all models that cost as much.",
    sizes: "parameters N →",
    texts: "tokens D ↑",
    lossIs: (loss) => `loss ${loss}`,
    cost: (flops, days, loss) => `${flops} FLOPs · ${days} days · loss ${loss}`,
    hint: "Drag the point. Solid line: the same FLOPs; dashed: the best for each budget.",
    numbers: "Devices, and all in numbers",
    what: "What",
    number: "Number",
    unit: "Unit",
    costs: "The training",
    flops: "Operations, 6 N D",
    days: "Time",
    memory: "Weights, gradients and optimizer",
    holders: "Devices that hold them, at least",
    ratio: "Tokens per parameter",
    unitFlops: "FLOPs",
    unitDays: "days",
    unitMemory: "GB",
    unitHolders: "devices",
    unitRatio: "tokens",
    law: "The loss by the law, in nats per token",
    cause: "Because of",
    chosen: "Your choice",
    best: "Best for these FLOPs",
    floor: "Floor: no model is better",
    size: "Model too small",
    reading: "Too little read",
    loss: "Loss",
    above: (ratio) =>
      `${ratio} tokens per parameter: above 20. At the same cost, a larger model would learn more.`,
    below: (ratio) =>
      `${ratio} tokens per parameter: below 20. At the same cost, more text would teach more.`,
    rule: (ratio) => `${ratio} tokens per parameter, as the rule of Chinchilla says.`,
    then: (n, d) => `The best for these FLOPs is ${n} parameters and ${d} tokens.`,
  },
  es: {
    model: "Partir de un modelo real",
    parameters: "Parámetros N",
    tokens: "Tokens de entrenamiento D",
    n_devices: "Número de dispositivos",
    utilisation: "Utilización, % del máximo",
    device: "Dispositivo",
    picture:
      "Pérdida según la ley: cuanto más oscuro, menor, según parámetros y tokens, en escala de potencias de diez.",
    beneath: "Abajo: la pérdida de los modelos que cuestan lo mismo.",
    sizes: "parámetros N →",
    texts: "tokens D ↑",
    lossIs: (loss) => `pérdida ${loss}`,
    cost: (flops, days, loss) => `${flops} FLOPs · ${days} días · pérdida ${loss}`,
    hint: "Arrastra el punto. Línea continua: los mismos FLOPs; a trazos: el óptimo de cada presupuesto.",
    numbers: "Dispositivos, y todo en números",
    what: "Qué",
    number: "Número",
    unit: "Unidad",
    costs: "El entrenamiento",
    flops: "Operaciones, 6 N D",
    days: "Tiempo",
    memory: "Pesos, gradientes y optimizador",
    holders: "Dispositivos donde caben, como mínimo",
    ratio: "Tokens por parámetro",
    unitFlops: "FLOPs",
    unitDays: "días",
    unitMemory: "GB",
    unitHolders: "dispositivos",
    unitRatio: "tokens",
    law: "La pérdida según la ley, en nats por token",
    cause: "Debido a",
    chosen: "Tu elección",
    best: "Óptimo con estos FLOPs",
    floor: "Suelo: ningún modelo lo mejora",
    size: "Modelo demasiado pequeño",
    reading: "Ha leído demasiado poco",
    loss: "Pérdida",
    above: (ratio) =>
      `${ratio} tokens por parámetro: más de 20. Con el mismo coste, un modelo mayor aprendería más.`,
    below: (ratio) =>
      `${ratio} tokens por parámetro: menos de 20. Con el mismo coste, más texto enseñaría más.`,
    rule: (ratio) => `${ratio} tokens por parámetro, como dice la regla de Chinchilla.`,
    then: (n, d) => `Con estos FLOPs, lo óptimo son ${n} parámetros y ${d} tokens.`,
  },
};

const MOST_DOUBLINGS = 16; // 1 to 2^16 devices
const LEVELS = [6, 5, 4, 3.5, 3, 2.7, 2.5, 2.3, 2.2, 2.1, 2, 1.95, 1.9]; // losses that have a line
const NAMED = new Set([5, 4, 3, 2.5, 2.2, 2, 1.9]); // and of these, a number
const PLANE = { left: 34, top: 18, wide: 8, high: 190, low: 92 }; // measures of the drawing
const BYTES = 16; // of each parameter: 2 + 2 + 12

// What a training costs: n parameters, d tokens, devices with a peak and a memory.
function costs(n, d, nDevices, [peak, room], utilisation) {
  const flops = 6 * n * d;
  return {
    flops,
    days: flops / (peak * nDevices) / utilisation / 86400,
    memory: (BYTES * n) / 1e9,
    holders: Math.ceil((BYTES * n) / room),
    ratio: d / n,
  };
}

// The loss by the law, in its three parts.
const parts = (law, n, d) => ({
  floor: law.floor,
  size: law.a / n ** law.alpha,
  reading: law.b / d ** law.beta,
});

const total = (found) => found.floor + found.size + found.reading;

// The parameters and the tokens with the least loss for the operations.
function optimum(law, flops) {
  const both = law.alpha + law.beta;
  const ratio = (law.alpha * law.a) / (law.beta * law.b);
  const n = ratio ** (1 / both) * (flops / 6) ** (law.beta / both);
  return [n, flops / 6 / n];
}

// The tokens that a model of n parameters must read to get to a loss; Infinity where it never does.
function tokensFor(law, loss, n) {
  const left = loss - law.floor - law.a / n ** law.alpha;
  return left > 0 ? (law.b / left) ** (1 / law.beta) : Infinity;
}

const nearestOf = (values, wanted) =>
  values.reduce((best, one) =>
    Math.abs(Math.log(one / wanted)) < Math.abs(Math.log(best / wanted)) ? one : best,
  );

// A number with three digits that count: 2.34, 81.4, 16,384, 5.88 × 10²³.
function written(number, language) {
  if (number !== 0 && !(number >= 0.001 && number < 99950)) {
    return scientific(number, language, 2);
  }
  const whole = Number.isInteger(number) || number >= 999.5;
  const digits = whole ? 0 : Math.max(2 - Math.floor(Math.log10(number)), 0);
  return decimal(number, digits, language);
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const [parameters, tokens] = [model.get("parameters"), model.get("tokens")];
  const [models, devices, law] = [model.get("models"), model.get("devices"), model.get("law")];
  const [n, d] = models[model.get("model_name")];
  const size = {
    parameters: n,
    tokens: d,
    n_devices: model.get("n_devices"),
    utilisation: Math.round(100 * model.get("utilisation")),
  };
  let device = model.get("device");
  const setters = {};

  // A slider whose places stand for values.
  function sized(name, range, place, value) {
    const made = slider(say[name], { step: 1, ...range }, (number) => {
      setters[name](value(number));
      show();
    });
    setters[name] = (number) => {
      size[name] = number;
      made.set(place(number), written(number, language));
    };
    setters[name](size[name]);
    return made.box;
  }

  const listed = (name, values) =>
    sized(
      name,
      { min: 0, max: values.length - 1 },
      (number) => values.indexOf(number),
      (place) => values[place],
    );

  const status = statusLine();
  const tables = {
    costs: tableWith("", say.costs, [say.what, say.number, say.unit]),
    law: tableWith("", say.law, [say.cause, say.chosen, say.best]),
  };
  const numberCell = (number, text) => element("td", { "data-number": number }, text);
  const nats = (number) => numberCell(number, decimal(number, 3, language));
  const row = (key, ...cells) => rowOf({ "data-key": key }, say[key], ...cells);

  const costsNow = () =>
    costs(
      size.parameters,
      size.tokens,
      size.n_devices,
      devices[device],
      size.utilisation / 100,
    );

  // Places of the drawing: parameters across, tokens up, both by their logarithms.
  const least = [parameters[0], tokens[0]].map(Math.log10);
  const most = [parameters.at(-1), tokens.at(-1)].map(Math.log10);
  const spans = least.map((low, i) => most[i] - low);
  let inner = 1; // the width of the plane
  const across = (n) => PLANE.left + (inner * (Math.log10(n) - least[0])) / spans[0];
  const up = (d) => {
    const share = (Math.log10(d) - least[1]) / spans[1];
    return PLANE.top + PLANE.high * (1 - Math.max(0, Math.min(1, share)));
  };
  const grid = Array.from({ length: 281 }, (_, i) => 10 ** (least[0] + (spans[0] * i) / 280));
  const points = (pairs) => pairs.map((pair) => pair.join(",")).join(" ");
  const lineOf = (pairs, kind) => shape("polyline", { class: kind, points: points(pairs) });

  const inWidth = ([n]) => n >= 10 ** least[0] && n <= 10 ** most[0];
  const inPlane = ([n, d]) => inWidth([n]) && d >= 10 ** least[1] && d <= 10 ** most[1];

  // Where models of each loss are: an area for each, one on the other, with its number at the right.
  function levels(put) {
    const [right, top] = [PLANE.left + inner, PLANE.top];
    for (const loss of LEVELS) {
      const edge = grid
        .map((n) => [n, tokensFor(law, loss, n)])
        .filter(([, d]) => d <= 10 ** most[1])
        .map(([n, d]) => [across(n), up(d)]);
      if (!edge.length) continue;
      const area = [...edge, [right, top], [edge[0][0], top]];
      put(shape("polygon", { class: "live-level", points: points(area) }));
      put(lineOf(edge, "live-contour"));
      const y = edge.at(-1)[1];
      const name = plain(loss, language);
      if (NAMED.has(loss)) put(textAt(right - 3, y - 3, name, "live-small live-end"));
    }
  }

  function axes(width, put) {
    const foot = PLANE.top + PLANE.high;
    const every = width < 500 ? 2 : 1;
    for (let power = Math.ceil(least[0]); power <= most[0]; power += every) {
      const x = across(10 ** power);
      put(textAt(x, foot + 14, powerOfTen(power), "live-small live-middle"));
      put(shape("line", { class: "live-axis", x1: x, x2: x, y1: foot, y2: foot + 3 }));
    }
    for (let power = Math.ceil(least[1]); power <= most[1]; power += 2) {
      put(textAt(PLANE.left - 4, up(10 ** power) + 4, powerOfTen(power), "live-small live-end"));
    }
    put(textAt(0, 11, say.texts, "live-small"));
    put(textAt(width, 11, say.sizes, "live-small live-end"));
  }

  function realModels(put) {
    for (const [name, [n, d]] of Object.entries(models)) {
      const [x, y] = [across(n), up(d)];
      put(shape("circle", { class: "live-model", cx: x, cy: y, r: 4 }));
      if (d > 1e13 && n > 1e11) put(textAt(x + 20, y - 9, name, "live-small live-end"));
      else if (d > 1e13) put(textAt(x + 4, y + 16, name, "live-small live-end"));
      else if (n > 1e11) put(textAt(x + 9, y + 6, name, "live-small"));
      else put(textAt(x - 12, y + 4, name, "live-small live-end"));
    }
  }

  // The loss of all models that cost the same, below the plane: a valley with the best at its foot.
  function valley(flops, own, best, put) {
    const top = PLANE.top + PLANE.high + 24;
    const foot = top + PLANE.low - 20;
    const lossOf = (n) => total(parts(law, n, flops / 6 / n));
    const low = lossOf(best[0]);
    const high = low + Math.max(0.6, 1.3 * (own - low));
    const down = (loss) => foot - (foot - top) * Math.min(1, (loss - low) / (high - low));
    const seen = grid.filter((n) => lossOf(n) <= high);
    put(lineOf(seen.map((n) => [across(n), down(lossOf(n))]), "live-iso"));
    const ends = { x1: PLANE.left, x2: PLANE.left + inner };
    const here = { cx: across(size.parameters), cy: down(own), r: 6 };
    put(shape("line", { class: "live-axis", ...ends, y1: foot, y2: foot }));
    if (inWidth(best)) {
      put(shape("circle", { class: "live-best", cx: across(best[0]), cy: foot, r: 6 }));
    }
    put(shape("circle", { class: "live-point", ...here }));
    put(textAt(PLANE.left, top + 4, say.lossIs(decimal(high, 2, language)), "live-small"));
    put(textAt(PLANE.left, foot + 14, say.lossIs(decimal(low, 3, language)), "live-small"));
    return foot + 16;
  }

  const picture = drawing("live-plane", (width, put) => {
    inner = width - PLANE.left - PLANE.wide;
    const found = costsNow();
    const best = optimum(law, found.flops);
    const loss = total(parts(law, size.parameters, size.tokens));
    const frame = { x: PLANE.left, y: PLANE.top, width: inner, height: PLANE.high };
    put(shape("rect", { class: "live-frame", ...frame }));
    levels(put);
    axes(width, put);
    const same = grid.map((n) => [n, found.flops / 6 / n]);
    const frontier = Array.from({ length: 60 }, (_, i) => optimum(law, 10 ** (13 + i / 3.5)));
    const drawn = (pairs) => pairs.filter(inPlane);
    const placed = (pairs) => drawn(pairs).map(([n, d]) => [across(n), up(d)]);
    put(lineOf(placed(same), "live-iso"), lineOf(placed(frontier), "live-frontier"));
    realModels(put);
    const [x, y] = [across(size.parameters), up(size.tokens)];
    if (inPlane(best)) {
      put(shape("circle", { class: "live-best", cx: across(best[0]), cy: up(best[1]), r: 6 }));
    }
    put(shape("circle", { class: "live-point", cx: x, cy: y, r: 8 }));
    put(shape("circle", { class: "live-handle", cx: x, cy: y, r: 24 }));
    const bottom = valley(found.flops, loss, best, put);
    const text = say.cost(
      written(found.flops, language),
      written(found.days, language),
      decimal(loss, 3, language),
    );
    put(textAt(0, bottom + 16, text, "live-strong"));
    return bottom + 22;
  });

  function moveTo([x, y]) {
    const shares = [(x - PLANE.left) / inner, 1 - (y - PLANE.top) / PLANE.high];
    const [n, d] = shares.map((share, i) => 10 ** (least[i] + share * spans[i]));
    setters.parameters(nearestOf(parameters, n));
    setters.tokens(nearestOf(tokens, d));
    show();
  }
  dragging(picture.svg, (target) => target.classList.contains("live-handle"), moveTo);
  picture.svg.addEventListener("click", ({ target, clientX, clientY }) => {
    const box = picture.svg.getBoundingClientRect();
    const place = [clientX - box.left, clientY - box.top];
    const inside = place[1] <= PLANE.top + PLANE.high && !target.classList.contains("live-handle");
    if (inside) moveTo(place);
  });

  const show = onceAFrame(() => {
    const found = costsNow();
    const unit = (key) => say[`unit${key[0].toUpperCase()}${key.slice(1)}`];
    fillTable(
      tables.costs,
      Object.entries(found).map(([key, number]) =>
        row(key, numberCell(number, written(number, language)), cell(unit(key))),
      ),
    );
    const best = optimum(law, found.flops);
    const [own, least] = [parts(law, size.parameters, size.tokens), parts(law, ...best)];
    fillTable(tables.law, [
      ...Object.keys(own).map((key) => row(key, nats(own[key]), nats(least[key]))),
      row("loss", nats(total(own)), nats(total(least))),
    ]);
    const ratio = Number(found.ratio.toPrecision(3));
    const kind = ratio > 20 ? "above" : ratio < 20 ? "below" : "rule";
    const [bestN, bestD] = best.map((number) => written(number, language));
    const sentence = say[kind](written(found.ratio, language));
    status.textContent = `${sentence} ${say.then(bestN, bestD)}`;
    picture.show();
  });
  picture.label(`${say.picture} ${say.beneath}`);

  for (const [kind, one] of Object.entries(tables)) one.dataset.kind = kind;

  const buttons = Object.entries(models).map(([name, sizes]) =>
    button(name, () => {
      setters.parameters(sizes[0]);
      setters.tokens(sizes[1]);
      show();
    }),
  );
  const names = Object.keys(devices);
  const select = selectOf(names, (i) => {
    device = names[i];
    show();
  });
  select.selectedIndex = names.indexOf(device);

  el.replaceChildren(
    formOf(
      language,
      picture.svg,
      element("p", { class: "live-legend" }, say.hint),
      buttonGroup(say.model, buttons),
      element(
        "div",
        { class: "live-row" },
        listed("parameters", parameters),
        listed("tokens", tokens),
      ),
      status,
      folded(
        say.numbers,
        element(
          "div",
          { class: "live-row" },
          labelled(say.device, select),
          sized(
            "n_devices",
            { min: 0, max: MOST_DOUBLINGS },
            (number) => Math.round(Math.log2(number)),
            (place) => 2 ** place,
          ),
          sized(
            "utilisation",
            { min: 1, max: 20 },
            (number) => Math.round(number / 5),
            (place) => 5 * place,
          ),
        ),
        tables.costs,
        tables.law,
      ),
    ),
  );
  show();
}

const render = renderer(
  [
    ...["parameters", "tokens", "models", "devices", "law", "model_name", "device"],
    ...["n_devices", "utilisation", "language"],
  ],
  draw,
);

export default { render };
