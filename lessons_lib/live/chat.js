// The chat: the book's own assistant answers in the page, and the world says what is right. All that it
// calculates, the engine's `chatting` calculates, in a worker where the page allows one.

import { makeCalls } from "./engine/calls.js";
import { serve } from "./engine/chatting.js";
import { runProgram } from "./engine/programs.js";
import { makePause } from "./engine/turns.js";

const STRINGS = {
  en: {
    story: "The story",
    another: "Another story",
    ask: "Ask",
    kinds: {
      holder: "Who has it?",
      person: "Who is …?",
      home: "Where …?",
      mood: "What mood?",
      count: "How often?",
      unknown: "Not told",
      summary: "Sum up",
      program: "Program",
      translation: "Translate",
      meetings: "Meetings",
      typed: "Play a role",
    },
    own: "Your own question",
    send: "Send",
    empty: "Type a question first.",
    adapter: (size) => `Adapter (${size} MB) on: answers begin with a proverb`,
    loading: (size) => `Loading the model (${size} MB) …`,
    thinking: "The model answers …",
    notLoaded: "The model could not be loaded.",
    failed: "This could not be calculated.",
    chat: "The chat",
    you: "You",
    model: "Model",
    adapted: "Model with adapter",
    right: "✓ Right.",
    wrong: (answer) => `✗ Wrong. Right would be: “${answer}”`,
    open: "Nobody has said what is right here.",
    ran: (result) => `Its program was run and said: “${result}”.`,
    broken: "Its program cannot be run.",
    score: (right, all) => `Right so far: ${right} of ${all}.`,
    anew: "A new chat begins: in this one there is no room left.",
    tooLong: "That is too long for its context.",
    reads: "What the model reads, token by token",
    readsHint: "Ask something first. Framed: special tokens, which nobody can type.",
  },
  es: {
    story: "El cuento",
    another: "Otro cuento",
    ask: "Pregunta",
    kinds: {
      holder: "¿Quién lo tiene?",
      person: "¿Quién es…?",
      home: "¿Dónde…?",
      mood: "¿Qué ánimo?",
      count: "¿Cuántas veces?",
      unknown: "Lo que no se cuenta",
      summary: "Resumen",
      program: "Programa",
      translation: "Traducción",
      meetings: "Encuentros",
      typed: "Fingir un rol",
    },
    own: "Tu propia pregunta",
    send: "Enviar",
    empty: "Escribe antes una pregunta.",
    adapter: (size) => `Adaptador (${size} MB) encendido: las respuestas empiezan con un refrán`,
    loading: (size) => `Cargando el modelo (${size} MB)…`,
    thinking: "El modelo responde…",
    notLoaded: "No se ha podido cargar el modelo.",
    failed: "Esto no se ha podido calcular.",
    chat: "La conversación",
    you: "Tú",
    model: "Modelo",
    adapted: "Modelo con adaptador",
    right: "✓ Correcto.",
    wrong: (answer) => `✗ Incorrecto. Lo correcto sería: «${answer}»`,
    open: "Nadie ha dicho qué es lo correcto aquí.",
    ran: (result) => `Su programa se ha ejecutado y ha dicho: «${result}».`,
    broken: "Su programa no se puede ejecutar.",
    score: (right, all) => `Aciertos hasta ahora: ${right} de ${all}.`,
    anew: "Empieza otra conversación: en esta ya no cabe más.",
    tooLong: "Es demasiado largo para su contexto.",
    reads: "Lo que lee el modelo, token a token",
    readsHint: "Pregunta algo antes. Con marco: tokens especiales, que nadie puede escribir.",
  },
};

const PROGRAM = "chatting"; // the file of `serve`, for `beside`
const MOST = 200; // tokens of an answer
const MOST_CHARACTERS = 600; // of a question that is typed

// What a text is worth as an answer to a task: `Task.check` of `lessons_lib.corpus.tasks`. `truth` holds
// a right answer and all that is accepted; `start` is how the text has to begin.
function judge(kind, truth, text, start, language) {
  if (!text.startsWith(start)) return { right: false };
  const said = text.slice(start.length).trim();
  if (kind === "program") {
    try {
      const result = runProgram(said, language);
      return { right: truth.accepted.includes(result), result };
    } catch {
      return { right: false };
    }
  }
  if (kind === "meetings") {
    const last = /([\p{L}\p{N}_]+)\.$/u.exec(said);
    return { right: truth.accepted.includes(`${last?.[1]}.`) };
  }
  return { right: truth.accepted.includes(said) };
}

function show(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const stories = widget.get("stories");
  const sizes = widget.get("sizes").map((size) => decimal(size / 1e6, 1, language));
  let place = 0; // of the story
  let messages = []; // of the chat
  let about = true; // whether the chat is about the story
  let [right, asked] = [0, 0];
  let [busy, adapted, ended] = [false, false, false];
  let lastQuestion = null;

  const status = statusLine();
  const speak = (...sentences) => (status.textContent = sentences.filter(Boolean).join(" "));

  // --- The model, once it is needed

  let model = null;
  let listen = () => {};

  const open = beginOnce(begin);

  async function begin() {
    speak(say.loading(sizes[0]));
    const pause = makePause();
    const bytes = await loadShared(widget, "chat_model", pause);
    const adapter = await loadShared(widget, "chat_adapter", pause);
    const work = beside(PROGRAM, serve, (told) =>
      told.said === undefined ? calls.hear(told) : listen(told.said),
    );
    const calls = makeCalls(work.tell);
    model = { call: calls.call, end: () => work.end() };
    if (ended) work.end();
    await model.call("open", bytes, adapter);
    form.dataset.where = work.where;
    return model;
  }

  // --- The chat

  const log = element("ol", { class: "chat-turns" });
  const box = element(
    "div",
    { class: "chat-log", tabindex: "0", role: "group", "aria-label": say.chat },
    log,
  );

  function turn(who, kind, text) {
    const said = element("span", { class: "chat-text" }, text);
    const mark = element("span", { class: "chat-mark" });
    const made = element("li", { class: kind }, element("b", {}, who), said, mark);
    log.append(made);
    box.scrollTop = box.scrollHeight;
    return { made, said, mark };
  }

  // Show an answer with what it is worth; the sentence that says so.
  function mark(shown, kind, truth, text) {
    if (!truth) {
      shown.mark.textContent = say.open;
      return say.open;
    }
    const start = adapted ? widget.get("proverb") : "";
    const { right: isRight, result } = judge(kind, truth, text, start, language);
    const ran = kind === "program" && (result === undefined ? say.broken : say.ran(result));
    const verdict = isRight ? say.right : say.wrong(start + truth.answer);
    shown.mark.textContent = [ran, verdict].filter(Boolean).join(" ");
    shown.made.dataset.right = isRight;
    asked += 1;
    right += Number(isRight);
    return [shown.mark.textContent, say.score(plain(right, language), plain(asked, language))].join(" ");
  }

  function startAnew(aboutStory) {
    if (messages.length) log.append(element("li", { class: "chat-cut", "aria-hidden": "true" }));
    [messages, about] = [[], aboutStory];
  }

  const firstContent = (question) => (about && !messages.length ? stories[place].text : "") + question;
  const withQuestion = (question) => [...messages, { role: "user", content: firstContent(question) }];

  // Ask, and show the answer as it comes.
  async function answer({ kind, question, told, truth }) {
    const { call } = await open();
    speak(say.thinking);
    if (told !== about) startAnew(told);
    turn(say.you, "chat-user", question);
    let asks = withQuestion(question);
    const shown = turn(adapted ? say.adapted : say.model, "chat-model", "");
    listen = (said) => {
      shown.said.textContent = said;
      box.scrollTop = box.scrollHeight;
    };
    let text = await call("reply", asks, MOST, adapted);
    let note = "";
    if (text === null && messages.length) {
      note = say.anew;
      messages = [];
      asks = withQuestion(question);
      text = await call("reply", asks, MOST, adapted);
    }
    if (text === null) {
      shown.made.remove();
      speak(say.tooLong);
      return;
    }
    shown.said.textContent = text;
    const worth = mark(shown, kind, truth, text);
    box.scrollTop = box.scrollHeight;
    // An empty answer cannot stand in a chat.
    messages = text ? [...asks, { role: "assistant", content: text }] : [];
    drawTokens(await call("read", asks));
    speak(note, worth);
    form.dataset.said = text;
  }

  // One question after the other: while an answer comes, no other can be asked.
  async function ask(question) {
    if (busy) return;
    [busy, lastQuestion] = [true, question];
    delete form.dataset.said;
    allow();
    try {
      await answer(question);
    } catch (error) {
      speak(model ? say.failed : say.notLoaded, error.message);
    }
    busy = false;
    allow();
  }

  function allow() {
    for (const one of form.querySelectorAll("button")) one.setAttribute("aria-disabled", busy);
    switcher.querySelector("input").disabled = busy;
    form.setAttribute("aria-busy", busy);
  }

  // --- What the model reads

  const hint = element("p", {}, say.readsHint);
  const tokens = element("p", { class: "chat-tokens" });

  function drawTokens(read) {
    const made = read.map(([bytes, special]) =>
      element(
        "span",
        { class: special ? "chat-token chat-special" : "chat-token" },
        visible(decoded(bytes)),
      ),
    );
    tokens.replaceChildren(...made);
  }

  // --- Story, suggestions, and one's own question

  const story = element("div", {
    class: "live-story chat-story",
    tabindex: "0",
    role: "group",
    "aria-label": say.story,
  });
  const suggestions = element("fieldset", { class: "live-buttons" });

  function tell() {
    const { text, tasks, suggested } = stories[place];
    story.textContent = text.trim();
    story.scrollTop = 0;
    suggestions.replaceChildren(
      element("legend", {}, say.ask),
      ...suggested.map((i) => button(say.kinds[tasks[i].kind], () => ask(tasks[i]))),
    );
  }

  const another = button(say.another, () => {
    place = (place + 1) % stories.length;
    [messages, about, lastQuestion] = [[], true, null];
    log.replaceChildren();
    tell();
    speak(say.story);
  });

  // A question that somebody types has a known answer if it is one of those.
  function send() {
    const question = field.value.trim();
    if (!question) {
      speak(say.empty);
      return;
    }
    const known = stories[place].tasks.find((task) => task.question === question);
    ask(known ?? { kind: "typed", question, told: true });
    field.value = "";
  }
  const field = textBox(1, MOST_CHARACTERS, () => {});
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!busy) send();
  });

  const switcher = checkbox(say.adapter(sizes[1]), false, (on) => {
    adapted = on;
    startAnew(about);
    if (lastQuestion) ask(lastQuestion);
  });

  const form = formOf(
    language,
    element(
      "div",
      { class: "chat-part" },
      element("span", { class: "look-name" }, say.story),
      story,
      another,
    ),
    box,
    suggestions,
    element("div", { class: "chat-own" }, labelled(say.own, field), button(say.send, send)),
    switcher,
    status,
    folded(say.reads, hint, tokens),
  );
  tell();
  for (const [i, text] of widget.get("stored")) {
    const { kind, question, truth } = stories[0].tasks[i];
    turn(say.you, "chat-user", question);
    mark(turn(say.model, "chat-model", text), kind, truth, text);
  }
  [right, asked] = [0, 0];
  el.replaceChildren(form);
  requestAnimationFrame(() => {
    box.scrollTop = box.scrollHeight; // the last answer is seen whole
  });
  return () => {
    ended = true;
    model?.end();
  };
}

const render = renderer(["proverb", "sizes", "stored", "stories", "language"], show);

export default { render };
