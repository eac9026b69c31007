// Look inside: the book's own model reads a story and answers, and shows what happens inside it. All that
// it calculates, the engine's `looking` calculates, in a worker where the page allows one.

import { makeCalls } from "./engine/calls.js";
import { serve } from "./engine/looking.js";
import { mostProbable, softmax, tokenProbs } from "./engine/sampling.js";
import { makePause } from "./engine/turns.js";
import { headsPart, shelvesPart, stairsPart, streamPart, zoomPart } from "./parts/inside.js";
import { largest, set, storyPart } from "./parts/story.js";

const STRINGS = {
  en: {
    who: "Who has it?",
    surprise: "Surprise me",
    one: "One token",
    play: "Play",
    pause: "Pause",
    back: "Back",
    pace: "Tokens per second",
    fastest: "as fast as it goes",
    story: "The story, token by token",
    hint: "Tap a token to stand there. Arcs: where the chosen head looks from it.",
    start: "start",
    loading: (size) => `Loading the model (${size} MB) …`,
    ready: "The model is here and works in your browser.",
    notLoaded: "The model could not be loaded.",
    failed: "This could not be calculated.",
    looks: (layer, head, token, weight, next, prob) =>
      `Layer ${layer}, head ${head} looks most at “${token}” (${weight}). Next: “${next}” (${prob}).`,
    right: (answer) => `The model answers: “${answer}” That is right.`,
    wrong: (answer, expected) => `The model answers: “${answer}” Right would be: “${expected}”`,
    ended: "The model ended the text.",
    long: "Its context is full.",
    speed: (tokens, speed) => `${tokens} tokens, ${speed} per second.`,
    heads: "All heads: how much at most, and at what",
    head: (layer, head, token, weight) =>
      `Layer ${layer}, head ${head}: ${weight} at “${token}”`,
    isOff: "off",
    switchOff: (layer, head) => `Switch layer ${layer}, head ${head} off`,
    switchOn: (layer, head) => `Switch layer ${layer}, head ${head} on`,
    allOn: "All heads on",
    layer: (layer) => `layer ${layer}`,
    counted: (right, all) => `Right answers to ${all} held-out stories: ${right}`,
    counting: (right, n, all) => `Counting right answers: ${right} of ${n} (of ${all} stories) …`,
    cause: "A large weight is no cause: switch the head off, ask again, and count.",
    stream: "The stream, read as a guess of the next token after each block",
    alone: "token alone",
    after: (block) => `after block ${block}`,
    zoom: (layer, head) => `Layer ${layer}, head ${head}, calculated`,
    query: (token) => `query of “${token}”`,
    key: (token) => `key of “${token}”`,
    value: (weight) => `its value; softmax: ${weight}`,
    score: (product, root, score) => `q·k = ${product}; / √${root} = ${score}`,
    mixed: "all values, weighted",
    cache: "The cache: a key (top) and a value (below) of each token, in each layer",
    shelf: (n, numbers, size) =>
      `${n} tokens: ${numbers} numbers, ${size} MB. The stronger the colour, the more this token's heads read.`,
    next: "The next token: tap one to write it",
    temperature: "Temperature; at 0 always the most probable",
    minP: "Min-p: only tokens at least p times as probable as the best",
    bar: (token, prob) => `Write “${token}”: ${prob}`,
    cut: "cut",
    bits: "The weights in",
    own: "Your own text",
    read: "Read it",
    tooLong: (tokens, most) => `That is ${tokens} tokens; the model remembers ${most}.`,
    cutInto: (characters, tokens) => `${characters} characters were cut into ${tokens} tokens.`,
    empty: "Type a text first.",
  },
  es: {
    who: "¿Quién lo tiene?",
    surprise: "Sorpréndeme",
    one: "Un token",
    play: "Seguir",
    pause: "Pausa",
    back: "Atrás",
    pace: "Tokens por segundo",
    fastest: "tan rápido como pueda",
    story: "El cuento, token a token",
    hint: "Toca un token para situarte en él. Arcos: adónde mira desde ahí la cabeza elegida.",
    start: "inicio",
    loading: (size) => `Cargando el modelo (${size} MB)…`,
    ready: "El modelo está aquí y trabaja en tu navegador.",
    notLoaded: "No se ha podido cargar el modelo.",
    failed: "Esto no se ha podido calcular.",
    looks: (layer, head, token, weight, next, prob) =>
      `Capa ${layer}, cabeza ${head}: mira sobre todo a «${token}» (${weight}). Sigue: «${next}» (${prob}).`,
    right: (answer) => `El modelo responde: «${answer}» Es correcto.`,
    wrong: (answer, expected) => `El modelo responde: «${answer}» Lo correcto sería: «${expected}»`,
    ended: "El modelo ha terminado el texto.",
    long: "Su contexto está lleno.",
    speed: (tokens, speed) => `${tokens} tokens, ${speed} por segundo.`,
    heads: "Todas las cabezas: cuánto como máximo, y a qué",
    head: (layer, head, token, weight) => `Capa ${layer}, cabeza ${head}: ${weight} a «${token}»`,
    isOff: "apagada",
    switchOff: (layer, head) => `Apagar la cabeza ${head} de la capa ${layer}`,
    switchOn: (layer, head) => `Encender la cabeza ${head} de la capa ${layer}`,
    allOn: "Encender todas",
    layer: (layer) => `capa ${layer}`,
    counted: (right, all) => `Respuestas correctas a ${all} cuentos reservados: ${right}`,
    counting: (right, n, all) => `Contando respuestas correctas: ${right} de ${n} (de ${all} cuentos)…`,
    cause: "Un peso grande no es una causa: apaga la cabeza, pregunta otra vez y cuenta.",
    stream: "El flujo, leído tras cada bloque como predicción del token siguiente",
    alone: "solo el token",
    after: (block) => `tras el bloque ${block}`,
    zoom: (layer, head) => `Capa ${layer}, cabeza ${head}, calculada`,
    query: (token) => `consulta de «${token}»`,
    key: (token) => `clave de «${token}»`,
    value: (weight) => `su valor; softmax: ${weight}`,
    score: (product, root, score) => `q·k = ${product}; entre √${root}: ${score}`,
    mixed: "todos los valores, ponderados",
    cache: "La caché: una clave (arriba) y un valor (abajo) de cada token, en cada capa",
    shelf: (n, numbers, size) =>
      `${n} tokens: ${numbers} números, ${size} MB. Color más fuerte: lo que más leen las cabezas desde este token.`,
    next: "El token siguiente: toca uno para escribirlo",
    temperature: "Temperatura; con 0, siempre el más probable",
    minP: "Min-p: solo tokens con al menos p veces la probabilidad del mejor",
    bar: (token, prob) => `Escribir «${token}»: ${prob}`,
    cut: "descartado",
    bits: "Los pesos en",
    own: "Tu propio texto",
    read: "Leerlo",
    tooLong: (tokens, most) => `Son ${tokens} tokens; el modelo recuerda ${most}.`,
    cutInto: (characters, tokens) => `${characters} caracteres, cortados en ${tokens} tokens.`,
    empty: "Escribe antes un texto.",
  },
};

const PROGRAM = "looking"; // the file of `serve`, for `beside`
const FASTEST = 31; // the last place of the slider
const ANSWER_PACE = 6; // tokens per second
const SLICE = { worker: 40, page: 12 }; // milliseconds of writing before something is drawn
const MOST_POSITIONS = 1024; // as the engine
const MOST_NEXT = 10;
const STEP = 7; // has no divisor in common with the number of questions: all come
const TYPES = [
  ["", "F16"],
  ["Q8_0", "Q8_0"],
  ["Q4_0", "Q4_0"],
];

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

// A text in a story: spaces are left, what has no ink is shown.
const readable = (text) => text.split(" ").map(visible).join(" ");
const lengthOf = (text) => Array.from(text).length;

// What is stored with the figure, as the engine tells it.
function storedView(stored) {
  const weights = stored.weights.map((weight) => weight / 1000);
  return { ...stored, position: stored.tokens.length - 1, weights };
}

function show(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const stored = widget.get("stored");
  const panels = new Set(widget.get("panels"));
  const questions = widget.get("questions");
  const sizes = stored.sizes;
  let [asked, answer] = widget.get("asked");
  let tokens = stored.tokens.map((text) => ({ text: readable(text) }));
  let given = tokens.length; // the others are written
  let chosen = stored.layer * sizes.nHeads + stored.head;
  let off = Array(sizes.nLayers * sizes.nHeads).fill(0);
  let view = storedView(stored);
  const settings = { temperature: 0, minP: 0 };
  const names = new Map(); // of ids that are guessed
  let pace = ANSWER_PACE;
  let surprises = 0;
  let rushing = false; // then what takes long to draw waits for the end

  const two = (number) => decimal(number, 2, language);
  const whole = (number) => plain(number, language);
  const tokenAt = (i) => (i ? tokens[i].text : say.start);
  const tokenName = (token) => names.get(token) ?? token;
  const status = statusLine();
  const speak = (...sentences) => (status.textContent = sentences.join(" "));

  // --- The model, once it is needed

  let [opening, model] = [null, null];

  function open() {
    opening ??= begin().catch((error) => {
      opening = null;
      throw error;
    });
    return opening;
  }

  async function begin() {
    speak(say.loading(decimal(widget.get("size") / 1e6, 1, language)));
    const bytes = await loadBytes(widget, "model", makePause());
    const work = beside(PROGRAM, serve, (told) =>
      told.counted ? showCount(...told.counted) : calls.hear(told),
    );
    const calls = makeCalls(work.tell);
    const { contextLength } = await calls.call("open", bytes);
    model = { call: calls.call, end: () => work.end() };
    model.positions = Math.min(contextLength, MOST_POSITIONS);
    await readText(model.call, asked);
    form.dataset.where = work.where;
    speak(say.ready);
    return model;
  }

  // One thing after another. What goes on for long asks whether another one is `due`.
  let [turn, last] = [0, Promise.resolve()];
  function act(work) {
    const mine = ++turn;
    last = last.then(async () => {
      try {
        const { call } = await open();
        await work(call, () => mine !== turn);
      } catch (error) {
        speak(model ? say.failed : say.notLoaded, error.message);
      }
      rushing = false;
      draw();
    });
    return last;
  }

  const headOf = (i) => [Math.floor(i / sizes.nHeads), i % sizes.nHeads];

  function seen(next) {
    view = next;
    for (const [id, bytes] of view.names) names.set(id, visible(decoded(bytes)));
    draw();
  }

  const tokensOf = (ids, bytes) => ids.map((id, i) => ({ id, text: readable(decoded(bytes[i])) }));
  const idsOf = () => tokens.map(({ id }) => id);
  const look = async (call, position = view.position) =>
    seen(await call("view", Math.min(position, tokens.length - 1), ...headOf(chosen)));

  // --- Reading and writing

  async function readText(call, text) {
    const { ids, bytes } = await call("encode", text);
    if (ids.length > model.positions) {
      speak(say.tooLong(whole(ids.length), whole(model.positions)));
      return false;
    }
    await call("read", ids, off, 1);
    [tokens, given] = [tokensOf(ids, bytes), ids.length];
    await look(call, ids.length - 1);
    return true;
  }

  // The same text, such as with other heads; or only so many of its tokens.
  async function readAgain(call, n = tokens.length) {
    await call("read", idsOf().slice(0, n), off);
    [tokens.length, given] = [n, Math.min(given, n)];
    await look(call);
  }

  async function write(call, wanted) {
    const [layer, head] = headOf(chosen);
    const done = await call("write", { settings: { ...settings }, layer, head, ...wanted });
    tokens.push(...tokensOf(done.written, done.bytes));
    seen(done.view);
    return done;
  }

  const pauseFrom = (start) => wait(Math.max(0, 1000 / pace - (performance.now() - start)));

  async function play(call, due) {
    set(playButton, { text: say.pause });
    let [n, end] = [0, undefined];
    const since = performance.now();
    while (!due() && !end) {
      const start = performance.now();
      const fast = pace >= FASTEST;
      rushing = fast;
      const milliseconds = SLICE[form.dataset.where];
      const done = await write(call, fast ? { tokens: 1e4, milliseconds } : { tokens: 1 });
      [n, end] = [n + done.written.length, done.end];
      await (fast ? nextFrame() : pauseFrom(start));
    }
    const speed = (1000 * n) / (performance.now() - since);
    form.dataset.speed = speed;
    set(playButton, { text: say.play });
    const ends = { end: say.ended, long: say.long };
    speak(...(end ? [ends[end]] : []), say.speed(whole(n), decimal(speed, 0, language)));
  }

  // Read a text as far as its question, and let the model answer.
  async function ask(call, due, question) {
    [asked, answer] = question;
    delete form.dataset.answer;
    await readText(call, asked);
    let text = "";
    while (!due() && lengthOf(text) < lengthOf(answer)) {
      const start = performance.now();
      const done = await write(call, { tokens: 1, settings: { temperature: 0 } });
      if (done.end) break;
      text += tokens.at(-1).text;
      await pauseFrom(start);
    }
    if (due()) return;
    const short = (one) => one.trim().replace(/[,"»]+$/, ".");
    await look(call, given - 1); // where the answer comes from
    form.dataset.answer = text;
    const right = text === answer;
    speak(right ? say.right(short(text)) : say.wrong(short(text), short(answer)));
  }

  async function own(call) {
    if (!(await readText(call, field.value))) return;
    speak(say.cutInto(whole(lengthOf(field.value)), whole(tokens.length - 1)));
  }

  const surprise = () => {
    surprises = (surprises + STEP) % questions.length;
    act((call, due) => ask(call, due, questions[surprises]));
  };
  let playing = false;
  const playButton = button(say.play, () => {
    if (playing) return void turn++;
    playing = true;
    act(play).then(() => (playing = false));
  });

  // --- Switching heads off, other types

  // Switch one head off or on, or all on.
  function change(i) {
    off = off.map((one, j) => (i === undefined ? 0 : i === j ? 1 - one : one));
    draw();
    forgetCount();
    act(async (call) => {
      await readAgain(call);
      countAnew(call);
    });
  }

  const count = element("p");

  function showCount(right, n) {
    const done = n === questions.length;
    const text = done ? say.counted(whole(right), n) : say.counting(right, n, questions.length);
    set(count, { text });
    if (done) count.dataset.right = right;
  }

  // What was counted holds no longer.
  function forgetCount() {
    delete count.dataset.right;
    showCount(0, 0);
  }

  function countAnew(call) {
    call("count", questions, off).catch(({ reason, message }) => {
      if (reason !== "anew") speak(say.failed, message);
    });
  }

  const types = choice(say.bits, "bits", TYPES, "", (type) => {
    forgetCount();
    act(async (call) => {
      await call("quantize", type);
      await readAgain(call);
      countAnew(call);
    });
  });

  // --- All parts

  const story = storyPart(say.story, two, (i) => act((call) => look(call, i)));
  const heads = headsPart(say, two, (i) => {
    chosen = i;
    draw();
    act((call) => look(call));
  });
  const switcher = button("", () => change(chosen));
  const allOn = button(say.allOn, () => change());
  const stream = streamPart(say, two);
  const zoom = panels.has("head") ? zoomPart(say, two) : null;
  const shelves = panels.has("cache") ? shelvesPart(say, two, language) : null;
  const stairs = stairsPart(say, two, (id) =>
    act(async (call) => {
      await readAgain(call, view.position + 1);
      await write(call, { tokens: 1, chosen: id });
    }),
  );
  const verdict = element("p");

  // The most probable tokens, their probabilities, and what is left of these after the cuts.
  function nextTokens() {
    if (!view.logits) return view.next.map(([token, prob]) => [token, prob, prob]);
    const { temperature, minP } = settings;
    const warm = softmax(view.logits.map((one) => one / (temperature || 1)));
    const kept = tokenProbs(view.logits, { temperature, minP });
    return mostProbable(warm, MOST_NEXT).map((id) => [id, warm[id], kept[id]]);
  }

  const draw = onceAFrame(() => {
    const n = view.position + 1;
    const weightsOf = (i) => view.weights.slice(i * n, (i + 1) * n);
    const weights = weightsOf(chosen);
    const state = { ...sizes, ...view, weightsOf, tokenAt, tokenName, chosen, off, n: tokens.length };
    const texts = tokens.map((_, i) => tokenAt(i));
    const [layer, head] = headOf(chosen).map((one) => one + 1);
    const next = nextTokens();
    story.draw(texts, given, view.position, weights);
    if (panels.has("heads")) {
      heads.draw(state);
      set(switcher, { text: (off[chosen] ? say.switchOn : say.switchOff)(layer, head) });
      set(allOn, { "aria-disabled": !off.includes(1) });
    }
    if (panels.has("stream")) stream.draw(state);
    if (!rushing) {
      zoom?.draw({ ...state, weights: weightsOf(view.layer * sizes.nHeads + view.head) });
      shelves?.draw(state);
    }
    if (panels.has("next")) {
      stairs.draw({ next, floor: settings.minP * next[0][1], tokenName });
    }
    const best = largest(weights);
    const [token, , prob] = next[0];
    const found = [tokenAt(best).trim(), two(weights[best]), tokenName(token), two(prob)];
    set(verdict, { text: say.looks(layer, head, ...found) });
    form.dataset.position = view.position;
  });

  // --- Controls

  function setting(name, label, range) {
    const made = slider(label, range, (value) => {
      settings[name] = value;
      write();
      draw();
      if (!view.logits) act((call) => look(call));
    });
    const write = () => made.set(settings[name], two(settings[name]));
    write();
    return made.box;
  }

  const paced = slider(say.pace, { min: 1, max: FASTEST, step: 1 }, (value) => {
    pace = value;
    showPace();
  });
  const showPace = () => paced.set(pace, pace >= FASTEST ? say.fastest : whole(pace));
  const row = (kind, ...content) => element("div", { class: kind }, ...content);
  const field = textBox(2, 10_000, () => {});
  const readButton = button(say.read, () => (field.value ? act(own) : speak(say.empty)));
  const buttons = row(
    "live-buttons",
    button(say.who, () => act((call, due) => ask(call, due, widget.get("asked")))),
    button(say.surprise, surprise),
    button(say.back, () => act((call) => readAgain(call, Math.max(1, tokens.length - 1)))),
    button(say.one, () => act((call) => write(call, { tokens: 1 }))),
    playButton,
  );
  const named = (text) => element("p", { class: "look-name" }, text);
  const panel = (name, ...content) => (panels.has(name) ? [row("look-panel", ...content)] : []);
  const form = formOf(
    language,
    buttons,
    story.box,
    element("p", { class: "live-legend" }, say.hint),
    verdict,
    status,
    ...panel("bits", types, ...(panels.has("heads") ? [] : [count])),
    ...panel(
      "heads",
      named(say.heads),
      heads.box,
      row("live-buttons", switcher, allOn),
      count,
      element("p", { class: "live-legend" }, say.cause),
    ),
    ...panel("stream", named(say.stream), stream.box),
    ...panel("head", zoom?.box),
    ...panel("cache", named(say.cache), shelves?.box),
    ...panel(
      "next",
      named(say.next),
      stairs.box,
      row(
        "live-row",
        setting("temperature", say.temperature, { min: 0, max: 2, step: 0.1 }),
        setting("minP", say.minP, { min: 0, max: 0.5, step: 0.02 }),
      ),
    ),
    paced.box,
    ...panel("text", labelled(say.own, field), row("live-buttons", readButton)),
  );
  heads.make(sizes.nLayers, sizes.nHeads);
  showPace();
  showCount(stored.right, questions.length);
  el.replaceChildren(form);
  draw();
  const follow = new ResizeObserver(() => requestAnimationFrame(draw));
  follow.observe(story.box);
  return () => {
    turn++;
    follow.disconnect();
    model?.end();
  };
}

const render = renderer(["asked", "panels", "questions", "size", "stored", "language"], show);

export default { render };
