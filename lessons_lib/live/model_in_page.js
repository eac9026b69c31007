// The model in the page: the book's own model, or one in a GGUF file of the reader's, tells a text. All
// that it calculates, the engine calculates.

import {
  Session,
  checkSize,
  countOf,
  matricesOf,
  normsOf,
  openFile,
  quantizeModel,
} from "./engine/model.js";
import { largestAt, mostProbable, pickToken, randomBits, softmax } from "./engine/sampling.js";
import { makePause } from "./engine/turns.js";

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
    file: "Open a small GGUF file of your own, or drop it here",
    limits:
      "Architecture llama or qwen3; tensors in F32, F16, Q8_0 or Q4_0; at most 128 MB and 25 " +
      "million parameters. The file stays on your computer.",
    refused: {
      size: "This file is too large for the page.",
      magic: "This is no GGUF file.",
      architecture: "This model has an architecture that the page does not know.",
      type: "This file has tensors of a type that the page does not know.",
      tokenizer: "This file has a tokenizer that the page does not know.",
      part: "This file is one part of a model that lies in several.",
      overflow: "What this model calculates leaves the range of numbers: it cannot tell anything.",
      broken: "This file cannot be opened.",
    },
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
    file: "Abre un archivo GGUF pequeño que tengas, o suéltalo aquí",
    limits:
      "Arquitectura llama o qwen3; tensores en F32, F16, Q8_0 o Q4_0; como mucho 128 MB y 25 " +
      "millones de parámetros. El archivo no sale de tu ordenador (computadora).",
    refused: {
      size: "Este archivo es demasiado grande para la página.",
      magic: "Esto no es un archivo GGUF.",
      architecture: "Este modelo tiene una arquitectura que la página no conoce.",
      type: "Este archivo tiene tensores de un tipo que la página no conoce.",
      tokenizer: "Este archivo tiene un tokenizador que la página no conoce.",
      part: "Este archivo es una parte de un modelo repartido en varios.",
      overflow: "Lo que este modelo calcula se sale del rango de los números: no puede contar nada.",
      broken: "Este archivo no se puede abrir.",
    },
  },
};

// ----------------------------------------------------------------------------------- the figure

const MOST_TOLD = 200; // tokens of a text
const MAX_ROWS = 8;
const SMALLER = ["Q8_0", "Q4_0"];

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
  let opened = null; // the model, its tokenizer, a session, and the model in other types
  let turn = 0; // what runs belongs to one turn and ends when the next one begins
  let [busy, stopping, waiting] = [false, false, 0];

  const megabytes = (bytes) => decimal(bytes / 1e6, 1, language);

  // The sentence before an error's message.
  const refused = (otherwise = say.refused.broken) => (error) =>
    say.refused[error.reason] ?? otherwise;

  // One line beside the file, which speaks of files, and one beside the text.
  const [status, fileStatus] = [statusLine(), statusLine()];
  const speakIn = (line) => (...sentences) => (line.textContent = sentences.join(" "));
  const [speak, speakOfFile] = [status, fileStatus].map(speakIn);

  const load = button(say.load(megabytes(widget.get("size"))), () => {
    speakOfFile();
    work(say.loading, refused(say.notLoaded), async (pause) =>
      openModel(await loadBytes(widget, "model", pause), pause, speak),
    ).then((own) => own && use(own, true, speak));
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
  const tellButton = button(say.tell, tell);
  const stopButton = button(say.stop, () => {
    stopping = true;
  });
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
  const file = element("input", {
    type: "file",
    accept: ".gguf",
    onclick: () => (file.value = ""), // the same file may be chosen again
    onchange: () => file.files.length && open(file.files[0]),
  });

  // Do some work, unless a later turn ends it; `act` gets a pause that throws then. Work without
  // words to start with goes on in silence, and the buttons stay. `tell` says how it goes.
  async function work(start, excuse, act, tell = speak) {
    const mine = ++turn;
    clearTimeout(waiting);
    const others = makePause();
    const pause = async () => {
      const paused = await others();
      if (mine !== turn) throw new Error("a later turn has begun");
      return paused;
    };
    if (start) {
      mark(true);
      tell(start);
    }
    let result;
    try {
      result = await act(pause);
    } catch (error) {
      if (mine === turn) tell(excuse(error), error.message);
    }
    if (mine !== turn) return undefined;
    mark(false);
    return result;
  }

  function mark(now) {
    [busy, stopping] = [now, false];
    for (const one of [load, tellButton, compareButton]) one.setAttribute("aria-disabled", now);
    stopButton.setAttribute("aria-disabled", !now);
  }

  // A model that has been opened takes the place of the one before, once it has read the beginning.
  async function openModel(bytes, pause, tell) {
    const { model, tokenizer } = await openFile(bytes, pause, () => tell(say.reading));
    const session = new Session(model);
    const ids = idsOf(field.value, tokenizer);
    if (ids.length && ids.length <= session.positions) {
      await session.readAll(ids, pause);
      largestAt(session.logits); // there is one
    }
    return { model, tokenizer, session, smaller: new Map() };
  }

  function use(other, own, tell) {
    opened = other;
    const { model } = other;
    const { arch, vocabSize } = model.config;
    const millions = decimal(countOf(model) / 1e6, 1, language);
    tell(say.ready(arch, millions, plain(vocabSize, language)));
    const focused = document.activeElement === load;
    [controls.hidden, results.hidden, stored.hidden, ask.hidden] = [false, false, true, own];
    if (focused) field.focus();
    if (own) file.value = "";
    columns.replaceChildren();
    look();
  }

  function open(chosen) {
    speak();
    work(
      say.loading,
      refused(),
      async (pause) => {
        checkSize(chosen.size); // before it is read
        return openModel(new Uint8Array(await chosen.arrayBuffer()), pause, speakOfFile);
      },
      speakOfFile,
    ).then((other) => other && use(other, false, speakOfFile));
  }

  // The ids of a text, with the token in front that begins texts.
  function idsOf(text, tokenizer) {
    const start = tokenizer.start === undefined ? [] : [tokenizer.start];
    return [...start, ...tokenizer.encode(text)];
  }

  // The ids of the beginning; none if it does not fit.
  function encodeField() {
    const { tokenizer, session } = opened;
    const ids = idsOf(field.value, tokenizer);
    if (!ids.length) speak(say.empty);
    if (ids.length > session.positions) speak(say.tooLong(session.positions));
    return ids.length > session.positions ? [] : ids;
  }

  // The beginning stands there alone.
  function clear() {
    beginning.textContent = field.value;
    told.replaceChildren();
    told.dataset.ids = "[]";
    for (const readout of [tokensTold, tokensPerSecond]) readout.textContent = "–";
  }

  // The distribution after the beginning, before anything is told.
  async function look() {
    const ids = encodeField();
    if (!ids.length) return;
    clear();
    const done = await work("", refused(), async (pause) => {
      await opened.session.readAll(ids, pause);
      largestAt(opened.session.logits); // there is one
      return true;
    });
    if (done) drawTable();
  }

  async function tell() {
    const ids = encodeField();
    if (!ids.length) return;
    clear();
    const { session, tokenizer } = opened;
    const bits = randomBits(settings.seed);
    const decode = tokenizer.stream();
    const text = new Text();
    const written = [];
    told.replaceChildren(text);
    let since;
    const write = () => {
      const seconds = (performance.now() - since) / 1000;
      tokensTold.textContent = written.length;
      tokensPerSecond.textContent = Math.round(written.length / seconds) || "–";
      drawTable();
    };
    const end = await work(say.telling, refused(), async (pause) => {
      await session.readAll(ids, pause);
      since = performance.now();
      while (written.length < MOST_TOLD && session.ids.length < session.positions) {
        if (stopping) return "stop";
        const next = pickToken(session.logits, settings, bits);
        if (next === tokenizer.eos) return "end";
        written.push(next);
        text.data += decode(next);
        session.read(next);
        if (await pause()) write();
      }
      return "long";
    });
    if (!end) return;
    text.data += decode();
    told.dataset.ids = JSON.stringify(written);
    write();
    speak(say.told(written.length, tokensPerSecond.textContent), say.ends[end]);
  }

  function drawTable() {
    const { tokenizer, session } = opened;
    const probs = softmax(session.logits);
    const best = mostProbable(probs, MAX_ROWS);
    const row = (head, prob) => rowOf({}, head, barCell(prob, decimal(prob, 3, language)));
    const left = probs.length - best.length;
    const rest = best.reduce((sum, id) => sum - probs[id], 1);
    fillTable(table, [
      ...best.map((id) => row(tokenOf(visible(decoded(tokenizer.bytes[id]))), probs[id])),
      ...(left ? [row(say.others(left, plain(left, language)), Math.max(rest, 0))] : []),
    ]);
    table.dataset.best = JSON.stringify(best.map((id) => [id, probs[id]]));
  }

  // --- The same beginning by the same model in several types

  async function compare() {
    const ids = encodeField();
    if (!ids.length) return;
    const { model, tokenizer, smaller } = opened;
    if (matricesOf(model).some((matrix) => matrix.columns % 32)) {
      speak(say.noBlocks);
      return;
    }
    const excuse = ({ reason }) => (reason === "overflow" ? say.refused.overflow : say.notFinite);
    const done = await work(say.quantizing, excuse, async (pause) => {
      for (const type of SMALLER) {
        if (!smaller.has(type)) smaller.set(type, await quantizeModel(model, type, pause));
      }
      speak(say.telling);
      const all = [model, ...smaller.values()].map((one) => makeColumn(one, tokenizer));
      columns.replaceChildren(...all.map((column) => column.box));
      for (const { session } of all) await session.readAll(ids, pause);
      for (let n = 0; n < MOST_TOLD && !stopping; n++) {
        const growing = all.filter((column) => column.grow());
        if (await pause()) all.forEach((column) => column.write(all[0]));
        if (!growing.length) break;
      }
      for (const column of all) column.finish(all[0]);
      columns.dataset.ids = JSON.stringify(all.map((column) => column.written));
      return true;
    });
    if (done) speak(say.compared);
  }

  function makeColumn(model, tokenizer) {
    const session = new Session(model);
    const types = [...new Set(matricesOf(model).map((matrix) => matrix.type))];
    const wide = types.every((type) => type === "F32" || type === "F16");
    const name = wide ? "F32" : types.join(", "); // 16 bits are calculated as 32
    const sizes = matricesOf(model).map((m) => (wide ? 4 * m.numbers.length : m.bytes));
    const norms = normsOf(model).map((numbers) => 4 * numbers.length);
    const size = [...sizes, ...norms].reduce((a, b) => a + b, 0);
    const goesOn = element("span");
    const verdict = element("p", { class: "live-legend" });
    const box = element(
      "div",
      { role: "group", "aria-label": name },
      element("p", {}, element("b", {}, name), ` · ${say.size(megabytes(size))}`),
      element("p", { class: "live-story" }, element("b", {}, field.value), goesOn),
      verdict,
    );
    const decode = tokenizer.stream();
    const column = { box, name, session, text: "", written: [], ended: false };
    column.grow = () => {
      if (column.ended) return false;
      const next = pickToken(session.logits, { temperature: 0 });
      column.ended = next === tokenizer.eos || session.ids.length >= session.positions;
      if (column.ended) return false;
      column.written.push(next);
      column.text += decode(next);
      session.read(next);
      return true;
    };
    column.write = (first) => {
      const words = wordsOf(column.text);
      const common = wordsInCommon(words, wordsOf(first.text));
      goesOn.replaceChildren(
        ...words.map((word, i) =>
          common[i] || !word.trim() ? word : element("mark", {}, word),
        ),
      );
    };
    column.finish = (first) => {
      column.text += decode();
      column.write(first);
      if (column === first) return;
      const length = Math.max(first.written.length, column.written.length);
      let n = 0;
      while (n < length && first.written[n] === column.written[n]) n++;
      verdict.textContent = n < length ? say.differs(first.name, n + 1) : say.same(first.name);
    };
    return column;
  }

  mark(false);
  const form = formOf(
    language,
    element("p", {}, say.intro),
    stored,
    ask,
    controls,
    status,
    results,
    labelled(say.file, file),
    element("p", { class: "live-legend" }, say.limits),
    fileStatus,
  );

  // A file dropped on the figure is opened; one that misses it does not replace the page.
  const leaving = new AbortController();
  const listen = (target, name, act) =>
    target.addEventListener(name, act, { signal: leaving.signal });
  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  listen(form, "dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    form.classList.add("live-over");
  });
  listen(form, "dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) form.classList.remove("live-over");
  });
  listen(form, "drop", (event) => {
    form.classList.remove("live-over");
    if (!hasFile(event)) return;
    event.preventDefault();
    const [dropped] = event.dataTransfer.files;
    const only = new DataTransfer();
    only.items.add(dropped);
    file.files = only.files; // the control says its name
    open(dropped);
  });
  for (const name of ["dragover", "drop"]) {
    listen(document, name, (event) => {
      const taken = event.defaultPrevented || event.target.closest?.("input[type=file]");
      if (!hasFile(event) || taken) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "none";
    });
  }
  el.replaceChildren(form);
  return () => {
    turn++; // what runs ends
    clearTimeout(waiting);
    leaving.abort();
  };
}

const render = renderer(["beginning", "story", "size", "language"], show);

export default { render };
