// The injection lab: a program glues a story, a question and a stranger's comment into one message, and
// the chat model answers somebody. All that is calculated, the engine's `chatting` calculates.

import { makeCalls } from "./engine/calls.js";
import { serve } from "./engine/chatting.js";
import { makePause } from "./engine/turns.js";

const STRINGS = {
  en: {
    picture: (parts) => `The message, from top to bottom: ${parts}.`,
    writers: { story: "Story", user: "User", stranger: "Stranger" },
    place: "The stranger's comment stands",
    places: {
      before: "before the question",
      line: "on the same line",
      after: "after it",
      both: "between two questions",
    },
    comment: "The comment",
    ask: (size) => `Ask the model (${size} MB)`,
    another: "Another story",
    loading: "Loading the model …",
    thinking: "The model answers …",
    notLoaded: "The model could not be loaded.",
    failed: "This could not be calculated.",
    tooLong: "That is too long for its context.",
    answer: "Answer",
    verdicts: {
      user: "✓ It answers the user.",
      stranger: "✗ It does another task: a summary or a program.",
      nobody: "✗ It does neither.",
    },
    numbers: "Numbers",
    caption: "Answers so far, by the place of the comment",
    columns: ["Place", "Right answer", "Another task", "Neither"],
  },
  es: {
    picture: (parts) => `El mensaje, de arriba abajo: ${parts}.`,
    writers: { story: "Cuento", user: "Usuario", stranger: "Desconocido" },
    place: "El comentario del desconocido está",
    places: {
      before: "antes de la pregunta",
      line: "en la misma línea",
      after: "después",
      both: "entre dos preguntas",
    },
    comment: "El comentario",
    ask: (size) => `Pregunta al modelo (${size} MB)`,
    another: "Otro cuento",
    loading: "Cargando el modelo…",
    thinking: "El modelo responde…",
    notLoaded: "No se ha podido cargar el modelo.",
    failed: "Esto no se ha podido calcular.",
    tooLong: "Es demasiado largo para su contexto.",
    answer: "Respuesta",
    verdicts: {
      user: "✓ Responde al usuario.",
      stranger: "✗ Hace otra tarea: un resumen o un programa.",
      nobody: "✗ Ni lo uno ni lo otro.",
    },
    numbers: "Números",
    caption: "Respuestas hasta ahora, según el lugar del comentario",
    columns: ["Lugar", "Respuesta correcta", "Otra tarea", "Ni una ni otra"],
  },
};

const PROGRAM = "chatting"; // the file of `serve`, for `beside`
const MOST = 80; // tokens of an answer
const MOST_CHARACTERS = 120; // of a comment that is typed
const PLACES = ["before", "line", "after", "both"];

// The lines of a message, each a list of parts: who wrote it, and what. `with_comment` of
// `lessons_lib.security` says the same.
function linesOf({ text, question }, comment, place) {
  const [story, user, stranger] = [
    ["story", text],
    ["user", question],
    ["stranger", comment],
  ];
  if (!comment) return [[story], [user]];
  const orders = {
    before: [[stranger], [user]],
    line: [[stranger, user]],
    after: [[user], [stranger]],
    both: [[user], [stranger], [user]],
  };
  return [[story], ...orders[place]];
}

// A story ends with a line break of its own.
const messageOf = ([[[, story]], ...lines]) =>
  story + lines.map((parts) => parts.map(([, text]) => text).join(" ")).join("\n");

// The first rows of a text, broken between words, with at most so many characters each.
function wrapped(text, most, rows) {
  const found = [""];
  for (const word of text.split(/\s+/)) {
    const longer = `${found.at(-1)} ${word}`.trim();
    if (found.at(-1) && longer.length > most) found.push(word);
    else found[found.length - 1] = longer;
  }
  const last = found.slice(rows - 1).join(" ");
  return [...found.slice(0, rows - 1), ...(last ? [last] : [])].map((row) => cut(row, most));
}

function verdictOf(text, accepted, signs) {
  if (accepted.includes(text.trim())) return "user";
  return signs.some((sign) => text.includes(sign)) ? "stranger" : "nobody";
}

function show(widget, el) {
  const language = widget.get("language");
  const say = STRINGS[language];
  const stories = widget.get("stories");
  const comments = widget.get("comments");
  let [story, place, comment] = [0, "before", comments[1]];
  let [busy, ended, model] = [false, false, null];
  let listen = () => {};
  const counts = Object.fromEntries(
    PLACES.map((one) => [one, { user: 0, stranger: 0, nobody: 0 }]),
  );

  // Where the words are seen elsewhere, they are only said.
  const status = statusLine();
  function speak(text, seen = false) {
    status.textContent = text;
    status.classList.toggle("live-unseen", seen);
  }

  // --- The model, once it is needed

  const open = beginOnce(begin);

  async function begin() {
    speak(say.loading);
    const bytes = await loadShared(widget, "chat_model", makePause());
    const work = beside(PROGRAM, serve, (told) =>
      told.said === undefined ? calls.hear(told) : listen(told.said),
    );
    const calls = makeCalls(work.tell);
    model = { call: calls.call, end: () => work.end() };
    if (ended) work.end();
    await model.call("open", bytes);
    form.dataset.where = work.where;
    return model;
  }

  // --- The message, drawn by who wrote it

  const lines = () => linesOf(stories[story], comment, place);

  // A row for each line; a story gets three rows of text.
  const picture = drawing("inject-message", (width, put) => {
    let y = 0;
    for (const parts of lines()) {
      const tall = parts[0][0] === "story" ? 84 : 46;
      parts.forEach(([who, text], i) => {
        const wide = width / parts.length;
        const most = Math.floor((wide - 16) / 7.2);
        const rows = who === "story" ? 3 : 1;
        const shown = wrapped(text.trim(), most, rows);
        put(
          shape("rect", {
            class: `inject-part inject-${who}`,
            x: i * wide + 1,
            y: y + 1,
            width: wide - 2,
            height: tall - 4,
            rx: 4,
          }),
          textAt(i * wide + 8, y + 16, say.writers[who], "inject-writer"),
        );
        put(shown.map((one, row) => textAt(i * wide + 8, y + 34 + 18 * row, one)));
      });
      y += tall;
    }
    return y;
  });

  function redraw() {
    picture.show();
    const parts = lines().flat();
    picture.label(say.picture(parts.map(([who, text]) => `${say.writers[who]}: ${text.trim()}`).join(" ")));
    answer.textContent = "";
    mark.textContent = "";
    delete form.dataset.said;
  }

  // --- Asking

  async function answerIt() {
    const { call } = await open();
    speak(say.thinking);
    const [asked, commented] = [place, comment]; // without a comment there is no place to count
    listen = (said) => {
      answer.textContent = said;
    };
    const messages = [{ role: "user", content: messageOf(lines()) }];
    const text = await call("reply", messages, MOST, false);
    if (text === null) {
      speak(say.tooLong);
      return;
    }
    const found = verdictOf(text, stories[story].accepted, widget.get("signs"));
    answer.textContent = text;
    mark.textContent = say.verdicts[found];
    mark.dataset.verdict = found;
    speak(`${text} ${say.verdicts[found]}`, true);
    if (commented) counts[asked][found] += 1;
    count();
    form.dataset.said = text;
  }

  async function ask() {
    if (busy) return;
    busy = true;
    delete form.dataset.said;
    allow();
    try {
      await answerIt();
    } catch (error) {
      speak(`${model ? say.failed : say.notLoaded} ${error.message}`);
    }
    busy = false;
    allow();
  }

  // While an answer comes, the message stays as it is.
  function allow() {
    for (const one of form.querySelectorAll("button")) one.setAttribute("aria-disabled", busy);
    for (const one of form.querySelectorAll("input")) one.disabled = busy;
    field.readOnly = busy;
    form.setAttribute("aria-busy", busy);
  }

  // --- Controls

  const answer = element("span", { class: "chat-text" });
  const mark = element("span", { class: "chat-mark inject-mark" });
  const field = textBox(1, MOST_CHARACTERS, (text) => {
    comment = text.replaceAll("\n", " ").trim();
    redraw();
  });
  field.value = comment;
  const presets = element(
    "div",
    { class: "live-buttons" },
    ...comments.map((text) =>
      button(text, () => {
        [comment, field.value] = [text, text];
        redraw();
      }),
    ),
  );
  const where = choice(
    say.place,
    "place",
    PLACES.map((one) => [one, say.places[one]]),
    place,
    (chosen) => {
      place = chosen;
      redraw();
    },
  );
  const another = button(say.another, () => {
    story = (story + 1) % stories.length;
    redraw();
  });
  const size = decimal(widget.get("size") / 1e6, 1, language);

  const table = tableWith("inject-counts", say.caption, say.columns);
  const count = () =>
    fillTable(
      table,
      PLACES.map((one) =>
        rowOf(
          {},
          say.places[one],
          ...["user", "stranger", "nobody"].map((who) => cell(plain(counts[one][who], language))),
        ),
      ),
    );
  count();

  const form = formOf(
    language,
    picture.svg,
    where,
    labelled(say.comment, field),
    presets,
    element("div", { class: "live-buttons" }, button(say.ask(size), ask), another),
    element(
      "p",
      { class: "inject-answer" },
      element("b", {}, `${say.answer}: `),
      answer,
      " ",
      mark,
    ),
    status,
    folded(say.numbers, scrolling(say.caption, table)),
  );
  el.replaceChildren(form);
  redraw();
  return () => {
    ended = true;
    model?.end();
  };
}

const render = renderer(["comments", "signs", "size", "stories", "language"], show);

export default { render };
