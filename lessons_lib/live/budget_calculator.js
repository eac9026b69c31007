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
    tokens: "Tokens de entrenamiento D",
    n_devices: "Número de dispositivos",
    utilisation: "Utilización, % del máximo",
    device: "Dispositivo",
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

  function show() {
    const found = costs(
      size.parameters,
      size.tokens,
      size.n_devices,
      devices[device],
      size.utilisation / 100,
    );
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
  }

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
      buttonGroup(say.model, buttons),
      listed("parameters", parameters),
      listed("tokens", tokens),
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
      status,
      tables.costs,
      tables.law,
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
