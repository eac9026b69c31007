// A caption becomes a picture, step by step. All that it calculates, the engine's `painting` calculates,
// in a worker where the page allows one.

import { makeCalls } from "./engine/calls.js";
import { asPicture, seededNoise, serve } from "./engine/painting.js";
import { SIDE } from "./engine/pictures.js";
import { makePause } from "./engine/turns.js";

const STRINGS = {
  en: {
    caption: "Caption (English or Spanish)",
    paint: "Paint",
    examples: "Or paint one of these",
    unseen: "a pair never seen in training",
    way: "On its way",
    guess: "The model's guess",
    nearest: "Nearest true picture",
    wayAlt: (step, steps) => `The picture on its way, after step ${step} of ${steps}`,
    noise: "Noise: the picture before the first step",
    guessAlt: (text) => `The model's guess; it reads as: ${text}`,
    noGuess: "No guess yet",
    nearestAlt: (text) => `A drawing: ${text}`,
    step: "Step",
    stepOf: (step, steps) => `${step} of ${steps}`,
    play: "Play the steps",
    pause: "Pause",
    read: (text) => `It reads as: “${text}”.`,
    distance: (rmse) => `Distance to the nearest: ${rmse}`,
    asked: "Asked for",
    rightAlt: "there",
    wrongAlt: "missing",
    guidance: "Guidance",
    steps: "Steps",
    seed: "Seed of the noise",
    loading: (size) => `Loading the model (${size} MB) …`,
    painting: (step, steps) => `Step ${step} of ${steps} …`,
    painted: (right, all) => `Painted. Parts of the caption that are there: ${right} of ${all}.`,
    plain: "Painted.",
    empty: "Type a caption first.",
    unknown: (words) => `The model does not know: ${words}.`,
    none: (words) => `Nothing painted: the model knows none of these words: ${words}.`,
    noWords: "Nothing painted: there are no words in this caption.",
    long: (most) => `Nothing painted: a caption has at most ${most} words.`,
    notLoaded: "The model could not be loaded.",
    failed: "This could not be calculated.",
    numbers: "Numbers of each step",
    table: "What is read in the guess of each step",
    head: ["Step", "Noise before", "Reads as", "Distance"],
  },
  es: {
    caption: "Descripción (inglés o español)",
    paint: "Pintar",
    examples: "O pinta una de estas",
    unseen: "un par nunca visto en el entrenamiento",
    way: "En camino",
    guess: "El modelo supone",
    nearest: "El dibujo más cercano",
    wayAlt: (step, steps) => `La imagen en camino, tras el paso ${step} de ${steps}`,
    noise: "Ruido: la imagen antes del primer paso",
    guessAlt: (text) => `Lo que supone el modelo; se lee como: ${text}`,
    noGuess: "Aún no supone nada",
    nearestAlt: (text) => `Un dibujo: ${text}`,
    step: "Paso",
    stepOf: (step, steps) => `${step} de ${steps}`,
    play: "Ver los pasos",
    pause: "Pausa",
    read: (text) => `Se lee como: «${text}».`,
    distance: (rmse) => `Distancia al más cercano: ${rmse}`,
    asked: "Se pedía",
    rightAlt: "está",
    wrongAlt: "falta",
    guidance: "Guía",
    steps: "Pasos",
    seed: "Semilla del ruido",
    loading: (size) => `Cargando el modelo (${size} MB)…`,
    painting: (step, steps) => `Paso ${step} de ${steps}…`,
    painted: (right, all) => `Imagen lista. Partes de la descripción que están: ${right} de ${all}.`,
    plain: "Imagen lista.",
    empty: "Escribe antes una descripción.",
    unknown: (words) => `El modelo no conoce: ${words}.`,
    none: (words) => `No se ha pintado nada: el modelo no conoce ninguna de estas palabras: ${words}.`,
    noWords: "No se ha pintado nada: en esta descripción no hay palabras.",
    long: (most) => `No se ha pintado nada: una descripción tiene como máximo ${most} palabras.`,
    notLoaded: "No se ha podido cargar el modelo.",
    failed: "Esto no se ha podido calcular.",
    numbers: "Números de cada paso",
    table: "Lo que se lee en lo que supone el modelo en cada paso",
    head: ["Paso", "Ruido antes", "Se lee como", "Distancia"],
  },
};

const PROGRAM = "painting"; // the file of `serve`, for `beside`
const MOST_CHARACTERS = 200; // of a caption
const STEPS = [4, 8, 16];
const BEAT = 400; // milliseconds for a step, when they are played

// A picture of three bytes a pixel, as numbers from 0 to 1.
const pictureOf = (text) => Float32Array.from(atob(text), (one) => one.charCodeAt(0) / 255);

// A canvas that shows pictures, with large pixels.
function canvasFor(attributes) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, ...attributes });
  const context = canvas.getContext("2d");
  function show(picture) {
    const image = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 * picture[3 * i + c];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }
  const clear = () => context.clearRect(0, 0, SIDE, SIDE);
  return { canvas, show, clear };
}

const unpack = (one) => ({
  ...one,
  ...{ way: pictureOf(one.way), guess: pictureOf(one.guess), nearest: pictureOf(one.nearest) },
});

function draw(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const presets = widget.get("presets");
  const stored = widget.get("stored");
  const size = decimal(widget.get("size") / 1e6, 1, language);
  const settings = { guidance: stored.guidance, steps: stored.steps.length, seed: stored.seed };
  // What is shown: the steps that are painted, of how many, from which noise, and the one looked at.
  let run = { seed: stored.seed, of: stored.steps.length, steps: stored.steps.map(unpack) };
  let at = run.of;
  let [busy, ended] = [false, false];

  const status = statusLine();
  const speak = (...sentences) => (status.textContent = sentences.filter(Boolean).join(" "));

  // --- The model, once it is needed

  let model = null;

  const open = beginOnce(begin);

  async function begin() {
    speak(say.loading(size));
    const bytes = await loadShared(widget, "painter", makePause());
    const work = beside(PROGRAM, serve, (told) => (told.step ? show(told.step) : calls.hear(told)));
    const calls = makeCalls(work.tell);
    model = { call: calls.call, end: () => work.end() };
    if (ended) work.end();
    await model.call("open", bytes);
    form.dataset.where = work.where;
    return model;
  }

  // --- What is seen

  const [way, guess, nearest] = ["img", "img", "img"].map((role) => canvasFor({ role }));
  const panel = ({ canvas }, name) =>
    element("div", { class: "paint-panel" }, canvas, element("span", {}, name));
  const reading = element("p", {});
  const distance = element("p", { class: "paint-distance" });
  const asked = element("ul", { class: "paint-asked", "aria-label": say.asked });
  const stage = element(
    "div",
    { class: "paint-stage" },
    panel(way, say.way),
    panel(guess, say.guess),
    panel(nearest, say.nearest),
    element("div", { class: "paint-verdict" }, reading, asked, distance),
  );
  const film = element("div", { class: "paint-film", "aria-hidden": "true" });
  const table = tableWith("paint-numbers", say.table, say.head);

  const stepper = slider(say.step, { min: 0, max: run.of, step: 1 }, (value) => {
    playing.stop();
    look(value);
  });
  const playing = player([say.play, say.pause], BEAT, {
    begin: () => at < run.steps.length || look(0),
    forward: () => {
      look(at + 1);
      return at < run.steps.length;
    },
    jump: () => look(run.steps.length),
  });

  const distanceOf = (rmse) => decimal(rmse, 3, language);

  // Look at what a step has made; step 0 is the noise.
  function look(step) {
    at = Math.min(step, run.steps.length);
    const one = run.steps[at - 1];
    way.show(one ? one.way : asPicture(seededNoise(3 * SIDE ** 2, run.seed)));
    way.canvas.setAttribute("aria-label", at ? say.wayAlt(at, run.of) : say.noise);
    stage.dataset.step = at;
    stage.dataset.rmse = one ? one.rmse : "";
    if (one) {
      guess.show(one.guess);
      nearest.show(one.nearest);
    } else {
      guess.clear();
      nearest.clear();
    }
    guess.canvas.setAttribute("aria-label", one ? say.guessAlt(one.text) : say.noGuess);
    nearest.canvas.setAttribute("aria-label", one ? say.nearestAlt(one.text) : say.noGuess);
    reading.textContent = one ? say.read(one.text) : say.noGuess;
    distance.textContent = one ? say.distance(distanceOf(one.rmse)) : "";
    asked.replaceChildren(...(one ? one.parts.map(partOf) : []));
    stepper.input.max = run.of;
    stepper.set(at, say.stepOf(at, run.of));
    [...film.children].forEach((frame, i) => frame.classList.toggle("paint-now", i === at));
  }

  function partOf({ text, right }) {
    const mark = element("span", { "aria-hidden": "true" }, right ? "✓" : "✗");
    const heard = element("span", { class: "paint-heard" }, right ? say.rightAlt : say.wrongAlt);
    return element("li", { "data-right": right }, mark, ` ${text} `, heard);
  }

  // All steps as little pictures; who presses one, looks at it.
  function showFilm() {
    const noise = asPicture(seededNoise(3 * SIDE ** 2, run.seed));
    const frames = [noise, ...run.steps.map((one) => one.way)].map((picture, i) => {
      const frame = canvasFor({ onclick: () => !busy && (playing.stop(), look(i)) });
      frame.show(picture);
      return frame.canvas;
    });
    film.style.setProperty("--frames", run.of + 1);
    film.replaceChildren(...frames);
    fillTable(
      table,
      run.steps.map((one, i) =>
        rowOf(
          {},
          String(i + 1),
          cell(decimal(1 - i / run.of, 2, language)),
          cell(one.text),
          cell(distanceOf(one.rmse)),
        ),
      ),
    );
  }

  // A step has come from the model.
  function show(step) {
    run.steps.push(step);
    speak(say.painting(run.steps.length, run.of));
    showFilm();
    if (!isStill() || run.steps.length === run.of) look(run.steps.length);
  }

  // --- Painting

  function allow() {
    for (const one of form.querySelectorAll("button")) one.setAttribute("aria-disabled", busy);
    for (const one of form.querySelectorAll("input")) one.disabled = busy;
    form.setAttribute("aria-busy", busy);
  }

  const quoted = (words) => words.join(", ");

  // What is said of a caption of which nothing is painted.
  function refusal({ refused, unknown, most }) {
    if (refused === "long") return say.long(plain(most, language));
    return unknown.length ? say.none(quoted(unknown)) : say.noWords;
  }

  function summary(unknown) {
    const parts = run.steps.at(-1).parts;
    const right = parts.filter((one) => one.right).length;
    return [
      parts.length ? say.painted(plain(right, language), plain(parts.length, language)) : say.plain,
      unknown.length && say.unknown(quoted(unknown)),
    ];
  }

  // One picture after the other: while one is painted, no other begins.
  async function paint() {
    if (busy) return;
    const caption = field.value.trim();
    if (!caption) return speak(say.empty);
    busy = true;
    delete form.dataset.painted;
    playing.stop();
    allow();
    const before = run;
    try {
      const { call } = await open();
      run = { seed: settings.seed, of: settings.steps, steps: [] };
      const told = await call("paint", { caption, language, ...settings });
      if (told.refused) {
        run = before;
        speak(refusal(told));
      } else {
        speak(...summary(told.unknown));
        form.dataset.painted = caption;
      }
    } catch (error) {
      run = before;
      speak(model ? say.failed : say.notLoaded, error.message);
    }
    busy = false;
    allow();
    if (run === before) {
      showFilm();
      look(run.steps.length);
    }
  }

  const field = textBox(1, MOST_CHARACTERS, () => {});
  field.value = presets[0].caption;
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    paint();
  });
  const chips = presets.map(({ caption, unseen }) => {
    const chip = button(caption, () => {
      field.value = caption;
      paint();
    });
    if (unseen) chip.append(element("small", {}, ` (${say.unseen})`));
    return chip;
  });
  const guidance = slider(say.guidance, { min: 0, max: 8, step: 0.5 }, (value) => {
    settings.guidance = value;
    guidance.set(value, plain(value, language));
  });
  const seed = slider(say.seed, { min: 0, max: 99, step: 1 }, (value) => {
    settings.seed = value;
    seed.set(value, plain(value, language));
  });
  const steps = choice(
    say.steps,
    "steps",
    STEPS.map((n) => [n, plain(n, language)]),
    settings.steps,
    (n) => (settings.steps = n),
  );

  const form = formOf(
    language,
    stage,
    film,
    element("div", { class: "paint-steps" }, stepper.box, playing.button),
    element("div", { class: "chat-own paint-own" }, labelled(say.caption, field), button(say.paint, paint)),
    status,
    element("div", { class: "paint-settings" }, guidance.box, seed.box, steps),
    element(
      "div",
      { class: "chat-part" },
      element("span", { class: "look-name" }, say.examples),
      element("div", { class: "paint-chips", role: "group", "aria-label": say.examples }, ...chips),
    ),
    folded(say.numbers, scrolling(say.table, table)),
  );
  guidance.set(settings.guidance, plain(settings.guidance, language));
  seed.set(settings.seed, plain(settings.seed, language));
  el.replaceChildren(form);
  showFilm();
  look(run.of);
  return () => {
    ended = true;
    playing.stop();
    model?.end();
  };
}

const render = renderer(["presets", "stored", "size", "language"], draw);

export default { render };
