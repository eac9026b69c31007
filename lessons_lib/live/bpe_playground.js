// The BPE playground. It splits, merges and counts as `lessons_lib.tokens` does.

import { PRE_TOKENIZERS } from "./engine/vocabulary.js";

const STRINGS = {
  en: {
    vocabulary: "Vocabulary",
    text: "Your text",
    below: "Below each token",
    ids: "its id",
    bytes: "its bytes",
    back: "Back",
    next: "Next merge",
    play: "Play",
    pause: "Pause",
    numbers: "Ids, bytes and all vocabularies",
    end: "To the end",
    slider: "Merges applied, in order",
    of: (step, steps) => `${step} of ${steps}`,
    empty: "Type something: there is no text yet.",
    start: (bytes) => `No merge yet: each of the ${bytes} bytes is a token.`,
    merge: (step, steps, left, right, whole, rank) =>
      `Merge ${step} of ${steps}: ${left} + ${right} → ${whole} (rank ${rank}).`,
    done: "No other merge of this vocabulary fits.",
    hint: "Drag a box onto its neighbour: the two become one where that is the next merge.",
    never: (left, right) => `No merge of this vocabulary joins ${left} and ${right}.`,
    later: (pair, rank, next, nextRank) =>
      `Not yet: ${pair} has rank ${rank}. The lowest rank goes first, and that is ${next}, ${nextRank}.`,
    tokenList: "Tokens, word by word",
    more: (n) => `… (${n} more)`,
    tokens: "Tokens",
    characters: "Characters",
    byteCount: "Bytes",
    ratio: "Bytes per token",
    allIds: "Token ids",
    compare: "After all merges",
    size: "Size",
  },
  es: {
    vocabulary: "Vocabulario",
    text: "Tu texto",
    below: "Debajo de cada token",
    ids: "su id",
    bytes: "sus bytes",
    back: "Atrás",
    next: "Fusión siguiente",
    play: "Reproducir",
    pause: "Pausa",
    numbers: "Ids, bytes y todos los vocabularios",
    end: "Hasta el final",
    slider: "Fusiones aplicadas, en orden",
    of: (step, steps) => `${step} de ${steps}`,
    empty: "Escribe algo: todavía no hay texto.",
    start: (bytes) => `Ninguna fusión todavía: cada uno de los ${bytes} bytes es un token.`,
    merge: (step, steps, left, right, whole, rank) =>
      `Fusión ${step} de ${steps}: ${left} + ${right} → ${whole} (puesto ${rank}).`,
    done: "Ninguna otra fusión de este vocabulario encaja.",
    hint: "Arrastra una caja sobre su vecina: las dos se vuelven una si esa es la fusión siguiente.",
    never: (left, right) => `Ninguna fusión de este vocabulario une ${left} y ${right}.`,
    later: (pair, rank, next, nextRank) =>
      `Todavía no: ${pair} tiene el puesto ${rank}. Va antes el puesto más bajo: ${next}, ${nextRank}.`,
    tokenList: "Tokens, palabra por palabra",
    more: (n) => `… (${n} más)`,
    tokens: "Tokens",
    characters: "Caracteres",
    byteCount: "Bytes",
    ratio: "Bytes por token",
    allIds: "Ids de los tokens",
    compare: "Después de todas las fusiones",
    size: "Tamaño",
  },
};

const WORDS = new RegExp(PRE_TOKENIZERS["gpt-2"], "gu");
const MAX_WORDS = 300; // that the figure draws, and twice as many ids; it counts them all
const MAX_LENGTH = 20000; // that the reader may type
const MAX_GLIDING = 400; // boxes that move when two become one
const PACE = 700; // milliseconds for a merge while it plays

const encoder = new TextEncoder();
const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");

// Read a vocabulary: each token's bytes by id, and each pair's rank.
function readVocabulary({ label, bytes, merges, size }) {
  const pieces = new Map(bytes.map((id, byte) => [id, [byte]]));
  const ranks = new Map();
  merges.forEach(([left, right, whole], rank) => {
    if (!pieces.has(whole)) pieces.set(whole, [...pieces.get(left), ...pieces.get(right)]);
    ranks.set(`${left} ${right}`, rank);
  });
  return { label, bytes, merges, size, pieces, ranks };
}

function lowestRank(ids, ranks) {
  let lowest = Infinity;
  for (let i = 1; i < ids.length; i++) {
    lowest = Math.min(lowest, ranks.get(`${ids[i - 1]} ${ids[i]}`) ?? Infinity);
  }
  return lowest;
}

function mergePair(ids, [left, right, whole]) {
  const merged = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      merged.push(whole);
      i++;
    } else merged.push(ids[i]);
  }
  return merged;
}

// Merge the text from bytes to the end. Each distinct word keeps its states, newest last, with the
// step that made each; `ranks` are the merges in the order applied.
function mergeAll(text, vocabulary) {
  const words = text.match(WORDS) ?? [];
  const states = new Map();
  for (const word of words) {
    if (states.has(word)) continue;
    const ids = Array.from(encoder.encode(word), (byte) => vocabulary.bytes[byte]);
    states.set(word, { history: [{ step: 0, ids }], next: lowestRank(ids, vocabulary.ranks) });
  }
  const ranks = [];
  for (;;) {
    let rank = Infinity;
    for (const state of states.values()) rank = Math.min(rank, state.next);
    if (rank === Infinity) return { words, states, ranks };
    ranks.push(rank);
    for (const state of states.values()) {
      if (state.next !== rank) continue;
      const ids = mergePair(state.history.at(-1).ids, vocabulary.merges[rank]);
      state.history.push({ step: ranks.length, ids });
      state.next = lowestRank(ids, vocabulary.ranks);
    }
  }
}

const stateAt = ({ history }, step) => history.findLast((state) => state.step <= step);

function tokensAt({ words, states }, step) {
  return words.flatMap((word) => stateAt(states.get(word), step).ids);
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const vocabularies = model.get("vocabularies").map(readVocabulary);
  let text = model.get("text");
  let chosen = 0;
  let step = 0;
  let below = "ids";
  let runs = [];

  const number = (n) => plain(n, language);
  const ratioOf = (bytes, tokens) => (tokens ? decimal(bytes / tokens, 2, language) : "–");

  const go = (to) => {
    const from = to === step + 1 ? places() : [];
    step = to;
    show();
    reveal(list.querySelector(".live-new"));
    move(from);
  };

  const box = textBox(2, MAX_LENGTH, (typed) => {
    text = typed;
    count();
  });
  box.value = text;
  const steps = slider(say.slider, { min: 0, step: 1 }, go);
  const back = button(say.back, () => go(step - 1));
  const next = button(say.next, () => go(step + 1));
  const end = button(say.end, () => go(runs[chosen].ranks.length));
  const status = statusLine();
  const list = element("ol", { class: "live-words", "aria-label": say.tokenList });
  const ghosts = element("div", { "aria-hidden": "true" });
  const stage = scrolling(say.tokenList, list);
  stage.append(ghosts);
  stage.classList.add("live-stage");
  const { button: play, stop } = player([say.play, say.pause], PACE, {
    begin: () => step === runs[chosen].ranks.length && go(0),
    forward: () => {
      if (step < runs[chosen].ranks.length) go(step + 1);
      return step < runs[chosen].ranks.length;
    },
    jump: () => go(runs[chosen].ranks.length),
  });

  // Scroll the stage until a box that is new can be seen.
  function reveal(box) {
    if (!box) return;
    const [inner, outer] = [box, stage].map((one) => one.getBoundingClientRect());
    if (inner.top < outer.top) stage.scrollTop -= outer.top - inner.top + 8;
    if (inner.bottom > outer.bottom) stage.scrollTop += inner.bottom - outer.bottom + 8;
  }

  // The boxes that can be moved, each with its place and the first of its bytes in the text.
  function places() {
    const boxes = isStill() ? [] : [...list.querySelectorAll(".live-chip")];
    if (boxes.length > MAX_GLIDING) return [];
    let first = 0;
    return boxes.map((box) => {
      const { left, top, right } = box.getBoundingClientRect();
      const place = { box, left, top, right, first };
      first += box.dataset.bytes.length;
      return place;
    });
  }

  // Show how the boxes came from their places before: two slide into one, the others make room.
  function move(before) {
    ghosts.replaceChildren();
    if (!before.length) return;
    const old = new Map(before.map((place) => [place.first, place]));
    const after = places();
    after.forEach(({ box, left, top, right, first }, i) => {
      const next = after[i + 1]?.first ?? Infinity;
      const parts = before.filter((place) => place.first >= first && place.first < next);
      if (parts.length === 2) {
        slide(parts[0], left, top);
        slide(parts[1], right - (parts[1].right - parts[1].left), top);
        const frames = [{ clipPath: "inset(0 50%)" }, { clipPath: "inset(0 0)" }];
        box.animate(frames, { duration: GLIDE });
      } else if (old.has(first)) {
        const offset = [old.get(first).left - left, old.get(first).top - top];
        if (offset.some(Boolean)) glide(box, offset);
      }
    });
  }

  // A copy of a box that is no more goes where it went.
  function slide({ box, left, top }, toLeft, toTop) {
    const ghost = box.cloneNode(true);
    const ground = stage.getBoundingClientRect();
    const [x, y] = [toLeft - ground.left, toTop - ground.top + stage.scrollTop];
    ghost.className = "live-ghost";
    ghost.style.cssText = `left:${x}px;top:${y}px`;
    ghosts.append(ghost);
    glide(ghost, [left - toLeft, top - toTop], () => ghost.remove());
  }

  // A box that is dragged onto its neighbour joins it, if that is the next merge; else it is said why not.
  let held = null;

  function drag([x]) {
    const { box, from } = held;
    const onto = x < from ? box.previousElementSibling : box.nextElementSibling;
    const room = onto?.offsetWidth ?? 0;
    const shift = Math.max(-room, Math.min(room, x - from));
    box.style.transform = `translateX(${shift}px)`;
    held.onto?.classList.remove("live-aim");
    held.onto = Math.abs(shift) > room / 2 ? onto : null;
    held.onto?.classList.add("live-aim");
  }

  function letGo() {
    const { box, onto } = held;
    const pair = onto && (box.nextElementSibling === onto ? [box, onto] : [onto, box]);
    if (pair && join(...pair.map((one) => Number(one.dataset.id)))) return;
    onto?.classList.remove("live-aim");
    box.style.transform = "";
  }

  function join(left, right) {
    const { merges, ranks } = vocabularies[chosen];
    const rank = ranks.get(`${left} ${right}`);
    const wanted = runs[chosen].ranks[step];
    if (rank !== undefined && rank === wanted) {
      go(step + 1);
      return true;
    }
    const names = (ids) => ids.map(nameOf);
    const sum = (ids) => names(ids).join(" + ");
    status.textContent =
      rank === undefined
        ? say.never(...names([left, right]))
        : say.later(sum([left, right]), rank, sum(merges[wanted].slice(0, 2)), wanted);
    return false;
  }

  dragging(
    stage,
    (target, [x]) => {
      const box = target.closest(".live-words .live-chip");
      if (!box) return false;
      stop();
      held = { box, from: x, onto: null };
      return true;
    },
    drag,
    letGo,
  );

  const nameOf = (id) => visible(decoded(vocabularies[chosen].pieces.get(id)));
  const counts = element("dl"); // the theme indents those with a class
  const ids = element("p", { class: "live-ids" });
  const comparison = element("div");

  // The text or the vocabulary changed: merge again. Who was at the end stays at the end.
  function count() {
    const before = runs[chosen]?.ranks.length;
    runs = vocabularies.map((vocabulary) => mergeAll(text, vocabulary));
    const steps = runs[chosen].ranks.length;
    step = before && step === before ? steps : Math.min(step, steps);
    const bytes = encoder.encode(text).length;
    const head = [say.vocabulary, say.size, say.tokens, say.ratio];
    const rows = vocabularies.map(({ label, size }, i) => {
      const n = tokensAt(runs[i], Infinity).length;
      const cells = [number(size), number(n), ratioOf(bytes, n)].map((text) => cell(text));
      return rowOf({ "data-label": label, "data-count": n }, label, ...cells);
    });
    comparison.replaceChildren(tableWith("", say.compare, head, rows));
    show();
  }

  function choose(i) {
    const atEnd = step > 0 && step === runs[chosen].ranks.length;
    chosen = i;
    const steps = runs[chosen].ranks.length;
    step = atEnd ? steps : Math.min(step, steps);
    show();
  }

  function show() {
    const { merges, pieces } = vocabularies[chosen];
    const { words, states, ranks } = runs[chosen];
    const rank = ranks[step - 1];
    const made = step ? merges[rank][2] : undefined;
    const isInside = (id) => pieces.get(id)[0] >> 6 === 2; // it goes on with a character
    const chip = (id, isNew) =>
      element(
        "span",
        {
          class: `live-chip${isNew ? " live-new" : ""}${isInside(id) ? " live-joined" : ""}`,
          "data-id": id,
          "data-bytes": pieces.get(id).map(hex).join(""),
        },
        tokenOf(nameOf(id)),
        element(
          "small",
          {},
          below === "ids" ? String(id) : pieces.get(id).map(hex).join(" "),
        ),
      );
    list.replaceChildren(
      ...words.slice(0, MAX_WORDS).map((word) => {
        const state = stateAt(states.get(word), step);
        return element("li", {}, ...state.ids.map((id) => chip(id, id === made)));
      }),
    );
    if (words.length > MAX_WORDS) {
      list.append(element("li", {}, say.more(number(words.length - MAX_WORDS))));
    }

    const tokens = tokensAt(runs[chosen], step);
    const bytes = encoder.encode(text).length;
    const characters = Array.from(text).length;
    const last = ranks.length;
    Object.assign(list.dataset, {
      ids: tokens.join(" "),
      words: JSON.stringify(words),
      step,
      steps: last,
      rank: rank ?? "",
      count: tokens.length,
      bytes,
      characters,
    });
    counts.replaceChildren(
      ...facts([
        [say.tokens, number(tokens.length)],
        [say.characters, number(characters)],
        [say.byteCount, number(bytes)],
        [say.ratio, ratioOf(bytes, tokens.length)],
      ]),
    );
    const written = tokens.slice(0, 2 * MAX_WORDS).join(", ") || "–";
    const more = tokens.length > 2 * MAX_WORDS ? ", …" : "";
    ids.replaceChildren(element("span", {}, `${say.allIds}: `), written + more);

    steps.input.max = last;
    steps.set(step, say.of(step, last));
    back.setAttribute("aria-disabled", step === 0);
    for (const one of [next, end]) one.setAttribute("aria-disabled", step === last);
    if (!text) status.textContent = say.empty;
    else if (!step) status.textContent = say.start(number(bytes));
    else {
      const [left, right, whole] = merges[rank].map(nameOf);
      status.textContent = say.merge(step, last, left, right, whole, rank);
    }
    if (text && step === last) status.textContent += ` ${say.done}`;
  }

  const labels = vocabularies.map(({ label }) => label);
  const parts = ["ids", "bytes"].map((part) => [part, say[part]]);
  const changeBelow = (part) => {
    below = part;
    show();
  };
  el.replaceChildren(
    formOf(
      language,
      choice(say.vocabulary, "vocabulary", [...labels.entries()], chosen, choose),
      labelled(say.text, box),
      stage,
      element("div", { class: "live-buttons" }, back, next, play, end),
      steps.box,
      status,
      element("p", { class: "live-legend" }, say.hint),
      counts,
      folded(say.numbers, choice(say.below, "below", parts, below, changeBelow), ids, comparison),
    ),
  );
  count();
  return stop;
}

const render = renderer(["vocabularies", "text", "language"], draw);

export default { render };
