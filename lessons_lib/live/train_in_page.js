// The page trains: a small model learns the book's stories here, in a worker. All that it calculates, the
// engine calculates; this draws it.

import { serve } from "./engine/training_run.js";
import { makePause } from "./engine/turns.js";

const STRINGS = {
  en: {
    intro: (size) =>
      "A model of some 50,000 numbers, all of them random, can learn the stories here, in your " +
      `browser. The stories are loaded first (${size} MB). Nothing leaves the page.`,
    start: "Train",
    pause: "Pause",
    go: "Go on",
    anew: "Begin anew",
    rate: "Learning rate, as a multiple of the usual one",
    width: "Width of the model",
    layers: "Layers",
    optimizer: "Optimizer",
    optimizers: { muon: "Muon and AdamW", adamw: "AdamW alone" },
    restarts: "Another width, number of layers or optimizer begins anew; the old curve stays.",
    chart: "What a new story costs, in nats, after so many steps",
    described: (step, nats) => `After ${step} steps a new story costs ${nats} nats.`,
    stored: "a stored run",
    before: "the run before",
    batch: "the four stories of a step",
    held: "new stories",
    ngram: (nats) => `best n-gram: ${nats}`,
    exact: (nats) => `must be paid: ${nats}`,
    steps: "steps",
    facts: {
      step: "Steps",
      nats: "Nats for a new story",
      seconds: "Seconds",
      read: "Stories read",
      speed: "Tokens per second",
      parameters: "Parameters",
    },
    idle: "Nothing trains yet. You see the curve of a run that is stored with the book.",
    loading: "The stories are loading …",
    going: "Training …",
    here: "Training … There is no worker for this page: it trains here, in between.",
    paused: "Paused.",
    hidden: "Paused while the page cannot be seen.",
    ended: (steps) => `The run ends here, after ${steps} steps.`,
    beaten: (steps, seconds) =>
      `Below the best n-gram, after ${steps} steps and ${seconds} seconds.`,
    still: "At rate 0 nothing is learned.",
    worse: "Worse than before the first step: the rate is too high.",
    diverged: (steps) =>
      `After ${steps} steps the numbers have left their range: the rate was far too high. Choose ` +
      "a lower one and begin anew.",
    failed: "The stories could not be loaded.",
    story: (steps) => `A story that the model makes up after ${steps} steps`,
    numbers: "The numbers of this curve",
    table: "What a new story costs, in nats",
    step: "Steps",
    nats: "Nats",
  },
  es: {
    intro: (size) =>
      "Un modelo de unos 50 000 números, todos al azar, puede aprender los cuentos aquí, en tu " +
      `navegador. Antes se cargan los cuentos (${size} MB). Nada sale de la página.`,
    start: "Entrenar",
    pause: "Pausar",
    go: "Continuar",
    anew: "Empezar de nuevo",
    rate: "Tasa de aprendizaje, como múltiplo de la habitual",
    width: "Anchura del modelo",
    layers: "Capas",
    optimizer: "Optimizador",
    optimizers: { muon: "Muon y AdamW", adamw: "Solo AdamW" },
    restarts:
      "Con otra anchura, otro número de capas u otro optimizador se empieza de nuevo; la curva " +
      "anterior se queda.",
    chart: "Lo que cuesta un cuento nuevo, en nats, tras cierto número de pasos",
    described: (step, nats) => `Tras ${step} pasos, un cuento nuevo cuesta ${nats} nats.`,
    stored: "un entrenamiento guardado",
    before: "el entrenamiento anterior",
    batch: "los cuatro cuentos de un paso",
    held: "cuentos nuevos",
    ngram: (nats) => `mejor n-grama: ${nats}`,
    exact: (nats) => `hay que pagar: ${nats}`,
    steps: "pasos",
    facts: {
      step: "Pasos",
      nats: "Nats por cuento nuevo",
      seconds: "Segundos",
      read: "Cuentos leídos",
      speed: "Tokens por segundo",
      parameters: "Parámetros",
    },
    idle: "Todavía no se entrena nada. Ves la curva de un entrenamiento guardado con el libro.",
    loading: "Se cargan los cuentos…",
    going: "Entrenando…",
    here: "Entrenando… Esta página no puede tener un worker: entrena aquí mismo, a ratos.",
    paused: "En pausa.",
    hidden: "En pausa mientras la página no se ve.",
    ended: (steps) => `El entrenamiento acaba aquí, tras ${steps} pasos.`,
    beaten: (steps, seconds) =>
      `Por debajo del mejor n-grama, tras ${steps} pasos y ${seconds} segundos.`,
    still: "Con una tasa de 0 no se aprende nada.",
    worse: "Peor que antes del primer paso: la tasa es demasiado alta.",
    diverged: (steps) =>
      `Tras ${steps} pasos los números se han salido de su rango: la tasa era muchísimo más alta ` +
      "de lo posible. Elige una menor y empieza de nuevo.",
    failed: "No se han podido cargar los cuentos.",
    story: (steps) => `Un cuento que el modelo inventa tras ${steps} pasos`,
    numbers: "Los números de esta curva",
    table: "Lo que cuesta un cuento nuevo, en nats",
    step: "Pasos",
    nats: "Nats",
  },
};

const FACTORS = [0, 0.1, 0.3, 1, 3, 10, 30, 100, 1e20];
const USUAL = FACTORS.indexOf(1);
const WIDTHS = [32, 48, 64];
const BATCH = 4;
const [LOW, HIGH] = [30, 900]; // nats; the axis is logarithmic
const TICKS = [50, 100, 200, 400, 800];
const SPANS = [200, 500, 1000, 1500, 3000];
const HEIGHT = 260;

function show(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const stored = widget.get("stored"); // [[step, nats], ...]
  const [ngram, exact, last] = ["ngram", "exact", "last"].map((name) => widget.get(name));
  const settings = { ...widget.get("settings") };
  let factor = 1;
  let work = null;
  let run = 0;
  let state = "idle";
  let before = null; // the curve of the run before
  let [costs, measured, latest, parameters, beaten] = [[], [], null, null, false];

  const short = (number) => decimal(number, 1, language);
  const whole = (number) => decimal(number, 0, language);

  // ---------------------------------------------------------------------------------- the curve

  const picture = drawing("live-losses", (width, put) => {
    const [left, right, top, bottom] = [34, 8, 14, 34];
    const steps = Math.max(costs.length, before?.at(-1)[0] ?? 0, run ? 0 : stored.at(-1)[0]);
    const span = SPANS.find((one) => one >= steps) ?? last;
    const x = (step) => left + ((width - left - right) * Math.min(step, span)) / span;
    const share = (nats) => Math.log(Math.min(Math.max(nats, LOW), HIGH) / LOW) / Math.log(HIGH / LOW);
    const y = (nats) => HEIGHT - bottom - (HEIGHT - top - bottom) * share(nats);
    const line = (points, kind) =>
      shape("polyline", { class: kind, points: points.map(([s, n]) => `${x(s)},${y(n)}`).join(" ") });
    const level = (nats, kind) =>
      shape("line", { class: kind, x1: left, x2: width - right, y1: y(nats), y2: y(nats) });
    for (const tick of TICKS) {
      put(level(tick, "live-grid"), textAt(left - 5, y(tick) + 4, whole(tick), "live-small live-end"));
    }
    for (const part of [0, 0.5, 1]) {
      const kind = `live-small ${["", "live-middle", "live-end"][2 * part]}`;
      const words = part ? whole(part * span) : `0 ${say.steps}`;
      put(textAt(x(part * span), HEIGHT - bottom + 16, words, kind));
    }
    put(level(ngram, "live-ngram"), level(exact, "live-exact"));
    put(textAt(width - right, y(ngram) - 5, say.ngram(short(ngram)), "live-end"));
    put(textAt(width - right, y(exact) + 15, say.exact(short(exact)), "live-end"));
    if (!run) put(line(stored, "live-stored"));
    if (before) put(line(before, "live-stored"));
    put(line(averaged(costs, width), "live-batches"), line(measured, "live-measured"));
    for (const [step, nats] of measured) {
      put(shape("circle", { class: "live-measured", cx: x(step), cy: y(nats), r: 2.5 }));
    }
    return HEIGHT;
  });
  const redraw = onceAFrame(picture.show);

  const legend = element("p", { class: "live-legend live-keys" });
  const numbers = element("dl");
  const status = statusLine();
  const table = tableWith("", say.table, [say.step, say.nats]);
  const told = element("p", { class: "live-story" });
  const storyName = element("span");
  const storyBox = element("div", { class: "live-stack" }, storyName, told);

  function keyOf(kind, words) {
    const sample = shape("svg", { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" });
    sample.append(shape("polyline", { class: kind, points: "0,4 24,4" }));
    return element("span", {}, sample, " ", words);
  }

  function write() {
    const curve = run ? measured : stored;
    const now = curve.at(-1);
    if (now) picture.label(`${say.chart}. ${say.described(whole(now[0]), short(now[1]))}`);
    const own = [keyOf("live-measured", say.held), keyOf("live-batches", say.batch)];
    legend.replaceChildren(
      ...(run ? own : [keyOf("live-stored", say.stored)]),
      ...(before ? [keyOf("live-stored", say.before)] : []),
    );
    const { seconds = 0, tokens = 0 } = latest ?? {};
    numbers.replaceChildren(
      ...facts([
        [say.facts.step, whole(run ? costs.length : now[0])],
        [say.facts.nats, now ? short(now[1]) : "…"],
        [say.facts.seconds, run ? whole(seconds) : "–"],
        [say.facts.read, whole(BATCH * (run ? costs.length : now[0]))],
        [say.facts.speed, seconds ? whole(tokens / seconds) : "–"],
        [say.facts.parameters, whole(parameters ?? widget.get("parameters"))],
      ]),
    );
    fillTable(table, curve.map(([step, nats]) => rowOf({}, whole(step), cell(short(nats)))));
    Object.assign(picture.svg.dataset, { state, run, steps: costs.length, seconds });
    picture.svg.dataset.measured = JSON.stringify(measured);
    redraw();
  }
  const writeSoon = onceAFrame(write);

  function tellStory(step, text) {
    storyName.textContent = say.story(whole(step));
    told.textContent = text.trim();
  }

  // ---------------------------------------------------------------------------------- the states

  function enter(next) {
    state = next;
    const words = {
      going: work?.where === "page" ? say.here : say.going,
      ended: `${say.ended(whole(costs.length))}${factor && isWorse() ? ` ${say.worse}` : ""}`,
      diverged: say.diverged(whole(costs.length)),
    };
    status.textContent = words[state] ?? say[state];
    main.textContent = { going: say.pause, paused: say.go, hidden: say.go }[state] ?? say.start;
    main.setAttribute("aria-disabled", state === "loading");
    anew.setAttribute("aria-disabled", !run);
    write();
  }

  const isWorse = () => measured.length > 1 && measured.at(-1)[1] > measured[0][1];

  // What is worth a sentence while it goes on.
  function remark(step, nats) {
    if (factor === 0) status.textContent = say.still;
    else if (isWorse()) status.textContent = say.worse;
    else if (!beaten && nats < ngram) {
      beaten = true;
      status.textContent = say.beaten(whole(step), whole(latest?.seconds ?? 0));
    }
  }

  function hear(message) {
    if (message.type === "opened") begin();
    else if (message.type === "failed") {
      enter("failed");
      status.append(` ${message.message}`);
      stop();
    } else if (message.run === run) {
      HEARD[message.type](message);
      if (state === "going") writeSoon();
    }
  }
  const HEARD = {
    begun: (message) => (parameters = message.parameters),
    step(message) {
      costs.push(message.nats);
      latest = message;
    },
    measured(message) {
      measured.push([message.step, message.nats]);
      remark(message.step, message.nats);
    },
    story: ({ step, text }) => tellStory(step, text),
    ended: () => enter("ended"),
    diverged: () => enter("diverged"),
  };

  function stop() {
    work?.end();
    work = null;
  }

  async function load() {
    enter("loading");
    try {
      const bytes = await loadBytes(widget, "stories", makePause());
      work = beside("training_run", serve, hear);
      work.tell({ type: "stories", bytes });
    } catch (error) {
      enter("failed");
      status.append(` ${error.message}`);
    }
  }

  function begin() {
    if (measured.length > 1) before = measured;
    [costs, measured, latest, parameters, beaten] = [[], [], null, null, false];
    run += 1;
    work.tell({ type: "begin", run, settings: { ...settings }, factor, last });
    enter("going");
    if (document.hidden) hide();
  }

  function go(going, next) {
    work.tell({ type: "going", going });
    enter(next);
  }

  function hide() {
    if (document.hidden && state === "going") go(false, "hidden");
    else if (!document.hidden && state === "hidden") go(true, "going");
  }

  // ---------------------------------------------------------------------------------- the controls

  const main = button(say.start, () => {
    if (state === "going") go(false, "paused");
    else if (state === "paused" || state === "hidden") go(true, "going");
    else if (work) begin();
    else load();
  });
  const anew = button(say.anew, () => begin());
  const rate = slider(say.rate, { min: 0, max: FACTORS.length - 1, step: 1 }, (place) => {
    factor = FACTORS[place];
    setRate(place);
    work?.tell({ type: "factor", factor });
    if (state === "going") enter("going");
    if (factor === 0) status.textContent = say.still;
    else write();
  });
  const setRate = (place) => rate.set(place, plain(FACTORS[place], language));
  const changed = (name) => (value) => {
    settings[name] = value;
    if (run && work) begin();
  };
  const options = (values) => values.map((value) => [value, String(value)]);
  setRate(USUAL);
  tellStory(stored.at(-1)[0], widget.get("story"));
  enter("idle");

  const leaving = new AbortController();
  document.addEventListener("visibilitychange", hide, { signal: leaving.signal });
  el.replaceChildren(
    formOf(
      language,
      element("p", {}, say.intro(short(widget.get("size") / 1e6))),
      element("div", { class: "live-buttons" }, main, anew),
      element("div", { class: "live-stack" }, element("span", {}, say.chart), picture.svg),
      legend,
      status,
      numbers,
      rate.box,
      choice(say.width, "width", options(WIDTHS), settings.dModel, changed("dModel")),
      choice(say.layers, "layers", options([1, 2]), settings.nLayers, changed("nLayers")),
      choice(
        say.optimizer,
        "optimizer",
        Object.entries(say.optimizers),
        settings.optimizer,
        changed("optimizer"),
      ),
      element("p", { class: "live-legend" }, say.restarts),
      storyBox,
      folded(say.numbers, table),
    ),
  );
  return () => {
    leaving.abort();
    stop();
  };
}

// So many costs that each has a place on the screen: means of those that lie on one pixel.
function averaged(costs, width) {
  const wide = Math.max(1, Math.ceil(costs.length / width));
  const points = [];
  for (let at = 0; at < costs.length; at += wide) {
    const some = costs.slice(at, at + wide);
    points.push([at + some.length, some.reduce((sum, one) => sum + one, 0) / some.length]);
  }
  return points;
}

const properties = ["stored", "story", "ngram", "exact", "last", "settings", "size", "parameters"];
const render = renderer([...properties, "language"], show);

export default { render };
