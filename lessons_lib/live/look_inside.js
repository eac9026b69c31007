// Look inside: the book's own model reads a story and answers, and shows what happens inside it. All that
// it calculates, the engine's `looking` calculates, in a worker where the page allows one.

import { makeClient } from "./engine/calls.js";
import { serve } from "./engine/looking.js";
import { mostProbable, softmax, tokenProbs } from "./engine/sampling.js";
import { makePause } from "./engine/turns.js";
import { clocksPart } from "./parts/clocks.js";
import { filePart, refusals } from "./parts/file.js";
import { headsPart, shelvesPart, stairsPart, streamPart, zoomPart } from "./parts/inside.js";
import { STRINGS } from "./parts/look_words.js";
import { largest, set, storyPart } from "./parts/story.js";
import { inTurns } from "./parts/turns.js";

const PROGRAM = "looking"; // the file of `serve`, for `beside`
const FASTEST = 31; // the last place of the slider
const ANSWER_PACE = 6; // tokens per second
const SLICE = { worker: 40, page: 12 }; // milliseconds of writing before something is drawn
const MOST_NEXT = 10;
const BEAT = 320; // milliseconds for a token of what is replayed
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
  let { sizes } = stored;
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
  let rushing = false; // then what is out of sight waits for the end
  let quiet = false; // then all waits for the end
  let starts = true; // the first token is the one that begins texts

  const two = (number) => decimal(number, 2, language);
  const whole = (number) => plain(number, language);
  const tokenAt = (i) => (i || !starts ? tokens[i].text : say.start);
  const tokenName = (token) => names.get(token) ?? token;
  const [status, fileStatus] = [statusLine(), statusLine()];
  const speak = (...sentences) => (status.textContent = sentences.join(" "));
  const speakOfFile = (...sentences) => (fileStatus.textContent = sentences.join(" "));

  // --- The model, once it is needed

  let [client, opening, model] = [null, null, null];

  function clientOf() {
    client ??= makeClient(
      (hear) => beside(PROGRAM, serve, hear),
      ({ counted }) => showCount(...counted),
    );
    return client;
  }

  function open() {
    opening ??= begin().catch((error) => {
      opening = null;
      throw error;
    });
    return opening;
  }

  async function begin() {
    speak(say.loading(decimal(widget.get("size") / 1e6, 1, language)));
    await take(await loadBytes(widget, "model", makePause()), asked, chosen);
    speak(say.ready);
    return model;
  }

  // Open a model and look at a text with one of its heads; what was seen of another is forgotten.
  async function take(bytes, text, i) {
    const { call, work } = clientOf();
    const found = await call("open", bytes, text, ...headOf(i));
    ({ starts, ...sizes } = found);
    model = { call, positions: found.positions };
    [chosen, off] = [i, Array(sizes.nLayers * sizes.nHeads).fill(0)];
    heads.make(sizes.nLayers, sizes.nHeads);
    [tokens, given] = [tokensOf(found.ids, found.bytes), found.ids.length];
    names.clear();
    types.querySelector("input").checked = true;
    seen(found.view);
    form.dataset.where = work.where;
  }

  // Open a file of the reader's: from then on the figure is about its model.
  const openFile = (bytesOf) =>
    act(async () => {
      speakOfFile(say.opening);
      speak();
      try {
        await take(await bytesOf(), field.value || asked, 0);
        speakOfFile(say.opened(sizes.arch, whole(sizes.nLayers), whole(sizes.nHeads)));
      } catch (error) {
        speakOfFile(...refusals(language)(error));
        return;
      }
      opening = Promise.resolve(model);
      forgetCount();
      countAnew(model.call);
    }, clientOf);

  // One thing after another. What goes on for long asks whether another one is `due`.
  let [turn, last] = [0, Promise.resolve()];
  function act(work, ready = open) {
    const mine = ++turn;
    stopReplay();
    last = last.then(async () => {
      try {
        const { call } = await ready();
        await work(call, () => mine !== turn);
      } catch (error) {
        speak(model ? say.failed : say.notLoaded, error.message);
      }
      rushing = quiet = false;
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

  // Ask for tokens; show those that have come.
  function request(call, wanted) {
    const [layer, head] = headOf(chosen);
    return call("write", { settings: { ...settings }, layer, head, ...wanted });
  }

  function written(done) {
    tokens.push(...tokensOf(done.written, done.bytes));
    seen(done.view);
    return done;
  }

  const write = async (call, wanted) => written(await request(call, wanted));

  const pauseFrom = (start) => wait(Math.max(0, 1000 / pace - (performance.now() - start)));

  // Write on, at the reader's pace; who wants no motion sees what there is at the end. As fast as it goes,
  // the next tokens are written while these are drawn.
  async function play(call, due) {
    set(playButton, { text: say.pause });
    const milliseconds = SLICE[form.dataset.where];
    const isFast = () => quiet || pace >= FASTEST;
    const more = () => request(call, isFast() ? { tokens: 1e4, milliseconds } : { tokens: 1 });
    quiet = isStill();
    let [n, over, coming] = [0, false, more()];
    const since = performance.now();
    while (!over) {
      const start = performance.now();
      const done = await coming;
      n += done.written.length;
      over = due() || done.end;
      rushing = isFast() && !over;
      if (rushing) coming = more();
      written(done);
      if (over) break;
      await (rushing ? nextFrame() : pauseFrom(start));
      over = !rushing && due();
      if (!rushing && !over) coming = more();
    }
    const speed = (1000 * n) / (performance.now() - since);
    form.dataset.speed = speed;
    set(playButton, { text: say.play });
    const ends = { end: say.ended, long: say.long };
    speak(...(ends[over] ? [ends[over]] : []), say.speed(whole(n), decimal(speed, 0, language)));
  }

  // Read a text as far as its question, and let the model answer.
  async function ask(call, due, question) {
    [asked, answer] = question;
    delete form.dataset.answer;
    quiet = isStill();
    if (!(await readText(call, asked))) return;
    let text = "";
    while (!due() && lengthOf(text) < lengthOf(answer)) {
      const start = performance.now();
      const done = await write(call, { tokens: 1, settings: { temperature: 0 } });
      if (done.end) break;
      text += tokens.at(-1).text;
      if (!quiet) await pauseFrom(start);
    }
    if (due()) return;
    const short = (one) => one.trim().replace(/[.,"»]+$/, "");
    await look(call, given - 1); // where the answer comes from
    form.dataset.answer = text;
    const right = text === answer;
    speak(right ? say.right(short(text)) : say.wrong(short(text), short(answer)));
  }

  async function own(call) {
    if (!(await readText(call, field.value))) return;
    speak(say.cutInto(whole(lengthOf(field.value)), whole(tokens.length - Number(starts))));
  }

  const surprise = () => {
    surprises = (surprises + STEP) % questions.length;
    act((call, due) => ask(call, due, questions[surprises]));
  };
  let playing = false;
  const playButton = button(say.play, () => {
    if (replaying) return stopReplay();
    if (playing) return void turn++;
    playing = true;
    act(play).then(() => (playing = false));
  });

  // --- What the model wrote once, and is stored: shown again, until the reader wants something

  let replaying = 0; // a clock

  function stopReplay() {
    if (!replaying) return;
    clearInterval(replaying);
    replaying = 0;
    set(playButton, { text: say.play });
  }

  function replay() {
    if (model || turn) return; // the reader was faster
    const steps = stored.replay.values();
    set(playButton, { text: say.pause });
    replaying = setInterval(() => {
      const { value: step, done } = steps.next();
      if (done) return stopReplay();
      const [position, own] = [tokens.length, chosen * (tokens.length + 1)];
      const weights = new Float32Array(off.length * (position + 1)); // only the chosen head's are stored
      for (const [place, weight] of step.weights) weights[own + place] = weight / 1000;
      tokens.push({ text: readable(step.text) });
      view = { ...view, position, weights, next: step.next };
      draw();
    }, BEAT);
  }

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
  const clocks = panels.has("clocks") ? clocksPart(say, two, whole) : null;
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

  // What is seen now; the parts draw it one after the other.
  function draw() {
    if (quiet) return;
    const n = view.position + 1;
    const texts = tokens.map((_, i) => tokenAt(i));
    const weightsOf = (i) => view.weights.slice(i * n, (i + 1) * n);
    const own = { weightsOf, tokenAt: (i) => texts[i], tokenName, chosen, off, n: tokens.length };
    turns({ ...sizes, ...view, ...own, texts, given, next: nextTokens() }, rushing);
  }

  function drawHeads(state) {
    heads.draw(state);
    const [layer, head] = headOf(state.chosen).map((one) => one + 1);
    set(switcher, { text: (state.off[state.chosen] ? say.switchOn : say.switchOff)(layer, head) });
    set(allOn, { "aria-disabled": !state.off.includes(1) });
  }

  function drawVerdict({ weightsOf, texts, next, position, chosen }) {
    const weights = weightsOf(chosen);
    const best = largest(weights);
    const [token, , prob] = next[0];
    const found = [texts[best].trim(), two(weights[best]), tokenName(token), two(prob)];
    const [layer, head] = headOf(chosen).map((one) => one + 1);
    set(verdict, { text: say.looks(layer, head, ...found) });
    form.dataset.position = position;
  }

  const ofHead = (part) => (state) =>
    part.draw({ ...state, weights: state.weightsOf(state.layer * state.nHeads + state.head) });
  const turns = inTurns([
    [story.box, (s) => story.draw(s.texts, s.given, s.position, s.weightsOf(s.chosen), starts)],
    ...(panels.has("heads") ? [[heads.box, drawHeads]] : []),
    ...(panels.has("stream") ? [[stream.box, stream.draw]] : []),
    ...(panels.has("next")
      ? [[stairs.box, (s) => stairs.draw({ ...s, floor: settings.minP * s.next[0][1] })]]
      : []),
    ...(zoom ? [[zoom.box, ofHead(zoom)]] : []),
    ...(clocks ? [[clocks.box, ofHead(clocks)]] : []),
    ...(shelves ? [[shelves.box, shelves.draw]] : []),
    [verdict, drawVerdict],
  ]);

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
  const file = filePart(language, openFile);
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
    ...panel("clocks", clocks?.box),
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
    ...panel("file", ...file.elements, fileStatus),
  );
  heads.make(sizes.nLayers, sizes.nHeads);
  showPace();
  showCount(stored.right, questions.length);
  el.replaceChildren(form);
  draw();
  const follow = new ResizeObserver(() => requestAnimationFrame(draw));
  follow.observe(story.box);
  const seenFirst = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    seenFirst.disconnect();
    replay();
  });
  if (stored.replay && !isStill()) seenFirst.observe(story.box);
  const leave = panels.has("file") ? file.listen(form) : () => {};
  return () => {
    turn++;
    stopReplay();
    seenFirst.disconnect();
    follow.disconnect();
    turns.end();
    leave();
    client?.work.end();
  };
}

const render = renderer(["asked", "panels", "questions", "size", "stored", "language"], show);

export default { render };
