// The model in the page: the book's own model, or one in a GGUF file of the reader's, tells a text. All
// that it calculates, the engine's `telling` calculates, in a worker where the page allows one.

import { makeClient } from "./engine/calls.js";
import { serve } from "./engine/telling.js";
import { makePause } from "./engine/turns.js";
import { filePart, refusals } from "./parts/file.js";
import { set } from "./parts/story.js";

const STRINGS = {
  en: {
    intro:
      "The language model that this book builds and trains can run here, in your browser. " +
      "Nothing that you type leaves the page.",
    load: (size) => `Load the model (${size} MB)`,
    before: "A story it has told, always with the most probable token:",
    loading: "Loading the model …",
    reading: "Reading the weights …",
    ready: (arch, millions, tokens) =>
      `Ready: ${arch}, ${millions} million parameters, a vocabulary of ${tokens} tokens.`,
    notLoaded: "The model could not be loaded.",
    beginning: "How the text begins",
    temperature: "Temperature; at 0 always the most probable token",
    minP: "Min-p: only tokens at least p times as probable as the best",
    seed: "Seed of the draws",
    tell: "Tell",
    stop: "Stop",
    story: "The text so far",
    empty: "Type how the text begins.",
    telling: "Telling …",
    tokens: "Tokens told",
    speed: "Tokens per second",
    told: (tokens, speed) => `${tokens} tokens, ${speed} tokens per second.`,
    ends: { end: "The model ended the text.", long: "Stopped: long enough.", stop: "Stopped." },
    tooLong: (most) => `This beginning is too long: the model remembers ${most} tokens.`,
    table: "The next token after this text",
    token: "Token",
    probability: "Probability",
    others: (n, shown) => (n === 1 ? "1 other" : `${shown} others`),
    compare: "The same model in fewer bits",
    compareTell: "Tell with each",
    compareLegend:
      "The page quantizes the weights, block by block, and each model goes on with the beginning, " +
      "always with the most probable token. Marked: words that the first one does not have there.",
    quantizing: "Quantizing …",
    compared: "All have told their text.",
    size: (size) => `${size} MB`,
    same: (first) => `The same text as ${first}.`,
    differs: (first, n) => `Differs from ${first} at token ${n}.`,
    noBlocks: "The rows of this model are no multiples of 32: they cannot be cut into blocks.",
    notFinite: "A scale is too large for 16 bits: this model cannot be quantized so.",
  },
  es: {
    intro:
      "El modelo de lenguaje que este libro construye y entrena puede funcionar aquí, en tu " +
      "navegador. Nada de lo que escribas sale de la página.",
    load: (size) => `Cargar el modelo (${size} MB)`,
    before: "Un cuento que ha contado, siempre con el token más probable:",
    loading: "Cargando el modelo…",
    reading: "Leyendo los pesos…",
    ready: (arch, millions, tokens) =>
      `Listo: ${arch}, ${millions} millones de parámetros, un vocabulario de ${tokens} tokens.`,
    notLoaded: "No se ha podido cargar el modelo.",
    beginning: "Cómo empieza el texto",
    temperature: "Temperatura; con 0, siempre el token más probable",
    minP: "Min-p: solo tokens con al menos p veces la probabilidad del mejor",
    seed: "Semilla del sorteo",
    tell: "Seguir el cuento",
    stop: "Parar",
    story: "El texto hasta ahora",
    empty: "Escribe cómo empieza el texto.",
    telling: "Escribiendo…",
    tokens: "Tokens escritos",
    speed: "Tokens por segundo",
    told: (tokens, speed) => `${tokens} tokens, ${speed} tokens por segundo.`,
    ends: {
      end: "El modelo ha terminado el texto.",
      long: "Parado: ya es bastante largo.",
      stop: "Parado.",
    },
    tooLong: (most) => `Este comienzo es demasiado largo: el modelo recuerda ${most} tokens.`,
    table: "El token siguiente después de este texto",
    token: "Token",
    probability: "Probabilidad",
    others: (n, shown) => (n === 1 ? "1 más" : `otros ${shown}`),
    compare: "El mismo modelo con menos bits",
    compareTell: "Seguir con cada uno",
    compareLegend:
      "La página cuantiza los pesos, bloque a bloque, y cada modelo continúa el comienzo, siempre " +
      "con el token más probable. Marcadas: palabras que el primero no tiene ahí.",
    quantizing: "Cuantizando…",
    compared: "Todos han escrito su texto.",
    size: (size) => `${size} MB`,
    same: (first) => `El mismo texto que ${first}.`,
    differs: (first, n) => `Se aparta de ${first} en el token ${n}.`,
    noBlocks: "Las filas de este modelo no son múltiplos de 32: no se pueden cortar en bloques.",
    notFinite: "Una escala es demasiado grande para 16 bits: este modelo no se puede cuantizar así.",
  },
};

// ----------------------------------------------------------------------------------- the figure

const PROGRAM = "telling"; // the file of `serve`, for `beside`

// Which words of `words` belong to the longest text that both have, in order.
function wordsInCommon(words, others) {
  const rows = words.length + 1;
  const longest = Array.from({ length: rows }, () => new Uint16Array(others.length + 1));
  for (let i = words.length - 1; i >= 0; i--) {
    for (let j = others.length - 1; j >= 0; j--) {
      longest[i][j] =
        words[i] === others[j]
          ? longest[i + 1][j + 1] + 1
          : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const common = words.map(() => false);
  for (let i = 0, j = 0; i < words.length && j < others.length; ) {
    if (words[i] === others[j]) {
      common[i++] = true;
      j++;
    } else if (longest[i + 1][j] >= longest[i][j + 1]) i++;
    else j++;
  }
  return common;
}

const wordsOf = (text) => text.match(/\s+|\S+/g) ?? []; // and what is between them

function show(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const settings = { temperature: 0, minP: 0, seed: 1 };
  let [client, loaded] = [null, false];
  let turn = 0; // what is shown belongs to one turn and ends when the next one begins
  let [busy, waiting] = [false, 0];

  const megabytes = (bytes) => decimal(bytes / 1e6, 1, language);
  const whole = (number) => plain(number, language);

  // One line beside the file, which speaks of files, and one beside the text.
  const [status, fileStatus] = [statusLine(), statusLine()];
  const speakIn = (line) => (...sentences) => (line.textContent = sentences.join(" "));
  const [speak, speakOfFile] = [status, fileStatus].map(speakIn);
  let tell = speak; // where it is said how the work goes

  const load = button(say.load(megabytes(widget.get("size"))), () => {
    speakOfFile();
    open(() => loadBytes(widget, "model", makePause()), true, speak, say.notLoaded);
  });
  const stored = element(
    "div",
    { class: "live-stack" },
    element("span", {}, say.before),
    element(
      "p",
      { class: "live-story" },
      element("b", {}, widget.get("beginning")),
      widget.get("story"),
    ),
  );

  const field = textBox(2, 2000, () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => busy || look(), 200);
  });
  field.value = widget.get("beginning");

  function setting(name, label, range) {
    const made = slider(label, range, (value) => {
      settings[name] = value;
      write();
    });
    const write = () => made.set(settings[name], decimal(settings[name], 2, language));
    write();
    return made.box;
  }

  const seed = element("input", {
    type: "number",
    min: 0,
    max: 2 ** 32 - 1,
    step: 1,
    value: settings.seed,
    oninput: () => {
      settings.seed = Number(seed.value) >>> 0;
    },
  });
  const tellButton = button(say.tell, tellOn);
  const stopButton = button(say.stop, () => client.call("stop"));
  const beginning = element("b");
  const told = element("span");
  const story = element("p", { class: "live-story" }, beginning, told);
  const readouts = element("dl", {}, ...facts([[say.tokens, ""], [say.speed, ""]]));
  const [tokensTold, tokensPerSecond] = readouts.querySelectorAll("dd");
  const table = tableWith("live-bars live-next", say.table, [say.token, say.probability]);
  const compareButton = button(say.compareTell, compare);
  const columns = element("div", { class: "live-columns" });
  const ask = element("div", { class: "live-buttons" }, load);
  const controls = element(
    "div",
    { class: "live-controls", hidden: "" },
    labelled(say.beginning, field),
    setting("temperature", say.temperature, { min: 0, max: 2, step: 0.1 }),
    setting("minP", say.minP, { min: 0, max: 0.5, step: 0.02 }),
    labelled(say.seed, seed),
    element("div", { class: "live-buttons" }, tellButton, stopButton),
  );
  const results = element(
    "div",
    { class: "live-controls", hidden: "" },
    element("div", { class: "live-stack" }, element("span", {}, say.story), story),
    readouts,
    table,
    element(
      "div",
      { class: "live-stack", role: "group", "aria-label": say.compare },
      element("span", {}, say.compare),
      element("p", { class: "live-legend" }, say.compareLegend),
      element("div", { class: "live-buttons" }, compareButton),
      columns,
    ),
  );

  // --- The model, in a worker

  function clientOf() {
    client ??= makeClient((hear) => beside(PROGRAM, serve, hear), heard);
    return client;
  }

  function heard({ stage, writes, columns }) {
    if (stage) tell(stage === "reading" ? say.reading : say.telling);
    if (writes) grow(writes);
    if (columns) compared(columns);
  }

  const refused = refusals(language);
  const excuses = {
    empty: () => [say.empty],
    tooLong: ({ message }) => [say.tooLong(message)],
    blocks: () => [say.noBlocks],
    scale: ({ message }) => [say.notFinite, message],
  };

  // Ask the worker for something, unless a later turn ends it. Work without words to start with goes on
  // in silence, and the buttons stay. `otherwise` is said of an error without a sentence of its own.
  async function work(start, act, otherwise, where = speak) {
    const mine = ++turn;
    clearTimeout(waiting);
    if (start) {
      mark(true);
      where(start);
    }
    tell = where;
    let result;
    try {
      result = await act((name, ...given) => {
        if (mine !== turn) throw new Error("a later turn has begun");
        return clientOf().call(name, ...given);
      });
    } catch (error) {
      const sentences = excuses[error.reason]?.(error) ?? refused(error, otherwise);
      if (mine === turn) where(...sentences);
    }
    if (mine !== turn) return undefined;
    mark(false);
    return result;
  }

  function mark(now) {
    busy = now;
    for (const one of [load, tellButton, compareButton]) set(one, { "aria-disabled": now });
    set(stopButton, { "aria-disabled": !now || !loaded });
  }

  // Open what `bytesOf` promises: the book's `own` model, or a file of the reader's.
  async function open(bytesOf, own, where, otherwise) {
    const found = await work(
      say.loading,
      async (call) => call("open", await bytesOf(), field.value),
      otherwise,
      where,
    );
    if (!found) return;
    loaded = true;
    const millions = decimal(found.parameters / 1e6, 1, language);
    where(say.ready(found.arch, millions, whole(found.vocabSize)));
    const focused = document.activeElement === load;
    [controls.hidden, results.hidden, stored.hidden, ask.hidden] = [false, false, true, own];
    if (focused) field.focus();
    if (own) file.clear();
    form.dataset.where = client.work.where;
    columns.replaceChildren();
    look();
  }

  // The beginning stands there alone.
  function clear() {
    beginning.textContent = field.value;
    told.textContent = "";
    told.dataset.ids = "[]";
    for (const readout of [tokensTold, tokensPerSecond]) readout.textContent = "–";
  }

  // The distribution after the beginning, before anything is told.
  async function look() {
    const next = await work("", (call) => call("look", field.value));
    if (!next) return;
    clear();
    drawNext(next);
  }

  // --- Telling: what has come is drawn at most once a frame

  let [writing, latest] = ["", null];

  const drawTold = onceAFrame(() => {
    if (!latest) return;
    told.append(writing);
    told.normalize();
    const { tokens, speed, next } = latest;
    tokensTold.textContent = whole(tokens);
    tokensPerSecond.textContent = tokens ? whole(Math.round(speed)) : "–";
    drawNext(next);
    [writing, latest] = ["", null];
  });

  function grow(state) {
    [writing, latest] = [writing + state.more, state];
    drawTold();
  }

  async function tellOn() {
    clear();
    [writing, latest] = ["", null];
    const done = await work(say.telling, (call) => call("tell", field.value, settings));
    if (!done) return;
    grow(done);
    told.dataset.ids = JSON.stringify(done.ids);
    speak(say.told(done.ids.length, whole(Math.round(done.speed))), say.ends[done.end]);
  }

  function drawNext({ best, others }) {
    const row = (head, prob) => rowOf({}, head, barCell(prob, decimal(prob, 3, language)));
    const rest = best.reduce((sum, [, prob]) => sum - prob, 1);
    fillTable(table, [
      ...best.map(([, prob, bytes]) => row(tokenOf(visible(decoded(bytes))), prob)),
      ...(others ? [row(say.others(others, whole(others)), Math.max(rest, 0))] : []),
    ]);
    table.dataset.best = JSON.stringify(best.map(([id, prob]) => [id, prob]));
  }

  // --- The same beginning by the same model in several types

  async function compare() {
    columns.replaceChildren();
    const done = await work(say.quantizing, (call) => call("compare", field.value));
    if (!done) return;
    compared(done);
    columns.dataset.ids = JSON.stringify(done.map(({ ids }) => ids));
    speak(say.compared);
  }

  let [boxes, grown] = [[], []];

  const drawColumns = onceAFrame(() => boxes.forEach((box, i) => box.draw(grown[i], grown[0])));

  function compared(all) {
    grown = all;
    if (!columns.childElementCount) {
      delete columns.dataset.ids;
      boxes = all.map(({ name, size }) => columnOf(name, size));
      columns.replaceChildren(...boxes.map(({ box }) => box));
    }
    drawColumns();
  }

  function columnOf(name, size) {
    const goesOn = element("span");
    const verdict = element("p", { class: "live-legend" });
    const box = element(
      "div",
      { role: "group", "aria-label": name },
      element("p", {}, element("b", {}, name), ` · ${say.size(megabytes(size))}`),
      element("p", { class: "live-story" }, element("b", {}, field.value), goesOn),
      verdict,
    );
    function draw(own, first) {
      const words = wordsOf(own.text);
      const common = wordsInCommon(words, wordsOf(first.text));
      goesOn.replaceChildren(
        ...words.map((word, i) =>
          common[i] || !word.trim() ? word : element("mark", {}, word),
        ),
      );
      if (!own.ids || own === first) return; // it goes on
      const length = Math.max(first.ids.length, own.ids.length);
      let n = 0;
      while (n < length && first.ids[n] === own.ids[n]) n++;
      verdict.textContent = n < length ? say.differs(first.name, n + 1) : say.same(first.name);
    }
    return { box, draw };
  }

  const file = filePart(language, (bytesOf) => {
    speak();
    open(bytesOf, false, speakOfFile);
  });
  mark(false);
  const form = formOf(
    language,
    element("p", {}, say.intro),
    stored,
    ask,
    controls,
    status,
    results,
    ...file.elements,
    fileStatus,
  );
  const leave = file.listen(form);
  el.replaceChildren(form);
  return () => {
    turn++; // what is under way is not shown
    clearTimeout(waiting);
    leave();
    client?.work.end();
  };
}

const render = renderer(["beginning", "story", "size", "language"], show);

export default { render };
