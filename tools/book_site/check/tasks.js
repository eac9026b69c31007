// --- The ways of asking
//
// Each gives the parts that a reader answers with, and `judge`: null while nothing has been answered that
// can be read, else whether it is right and, as elements, what is said of it. `changed` is to be called
// when what was answered changes.

const WORDS = {
  en: {
    answer: "Your answer",
    code: "Your code",
    down: "Move down",
    example: { numeric: "a number, such as 12 or 0.5", shape: "a shape, such as (2, 3)" },
    fine: "This line does what it should.",
    grab: "Drag to another place",
    line: (n) => `Line ${n}`,
    lines: "The faulty line",
    mended: "The line as it should be:",
    options: "Options",
    order: "The right order:",
    places: (right, all) => (right ? `${right} of ${all} steps are in their place.` : "No step is in its place."),
    place: (place, all) => `Place ${place} of ${all}`,
    right: "Right.",
    rightAnswer: "The right answer:",
    unreadable: (what) => `That cannot be read. Write ${what}.`,
    up: "Move up",
    wrong: "Not quite.",
  },
  es: {
    answer: "Tu respuesta",
    code: "Tu código",
    down: "Bajar",
    example: { numeric: "un número, como 12 o 0,5", shape: "una forma, como (2, 3)" },
    fine: "Esta línea hace lo que debe.",
    grab: "Arrastrar a otro lugar",
    line: (n) => `Línea ${n}`,
    lines: "La línea con el error",
    mended: "La línea como debe ser:",
    options: "Opciones",
    order: "El orden correcto:",
    places: (right, all) =>
      right > 1 ? `Hay ${right} de ${all} pasos en su lugar.` : right ? `Hay un paso de ${all} en su lugar.` : "Ningún paso está en su lugar.",
    place: (place, all) => `Lugar ${place} de ${all}`,
    right: "Correcto.",
    rightAnswer: "La respuesta correcta:",
    unreadable: (what) => `Eso no se entiende. Escribe ${what}.`,
    up: "Subir",
    wrong: "No del todo.",
  },
};

// HTML of the book's own making, as an element.
function html(tag, text, attributes = {}) {
  const made = element(tag, attributes);
  made.innerHTML = text;
  return made;
}

const strong = (text) => element("strong", {}, text);
const block = (...content) => element("div", { class: "check-block" }, ...content);
const verdict = (right, say) =>
  element("p", { class: right ? "check-right" : "check-wrong" }, strong(`${right ? "✓ " : "✗ "}${right ? say.right : say.wrong}`));

// Radio buttons, each a label with what `content` gives for it; `mark` shows which were right and wrong.
function radios(legend, kind, count, content, changed) {
  const inputs = Array.from({ length: count }, (_, i) =>
    element("input", { type: "radio", name: "answer", value: i, onchange: changed }),
  );
  const labels = inputs.map((input, i) => element("label", { class: kind }, input, ...content(i)));
  const box = element("div", { class: "check-options", role: "radiogroup", "aria-label": legend }, ...labels);
  const mark = (right, wrong) => {
    labels[right].classList.add("check-is-right");
    if (wrong !== right) labels[wrong].classList.add("check-is-wrong");
    for (const input of inputs) input.disabled = true;
  };
  return { box, chosen: () => inputs.findIndex((input) => input.checked), mark };
}

function askChoice(question, say, changed, random) {
  const options = shuffled(question.options, random);
  const list = radios(say.options, "check-option", options.length, (i) => [html("span", options[i][0])], changed);
  const best = options.findIndex(([, , right]) => right);
  function judge() {
    const chosen = list.chosen();
    if (chosen < 0) return null;
    list.mark(best, chosen);
    const said = [verdict(chosen === best, say), html("div", options[chosen][1])];
    if (chosen !== best) said.push(block(strong(`${say.rightAnswer} `), html("span", options[best][0]), html("div", options[best][1])));
    return { right: chosen === best, said };
  }
  return { parts: [list.box], judge, ready: () => list.chosen() >= 0 };
}

function askNumbers(question, say, changed, random) {
  const drawn = question.draws[Math.floor(random() * question.draws.length)];
  const input = element("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 60,
    oninput: changed,
    // The keys of a telephone for decimals may have no minus.
    ...(question.kind === "numeric" && drawn.answer >= 0 && { inputmode: "decimal" }),
  });
  function judge() {
    const result = judged(question.kind, drawn, input.value);
    if (!result) return { unreadable: say.unreadable(say.example[question.kind]) };
    input.readOnly = true;
    const said = [verdict(result.right, say)];
    if (result.reason) said.push(html("div", result.reason));
    if (!result.right) said.push(block(strong(`${say.rightAnswer} `), drawn.shown));
    said.push(html("div", drawn.why));
    return { right: result.right, said };
  }
  return { text: drawn.text, parts: [labelled(say.answer, input)], judge, ready: () => input.value.trim() !== "" };
}

function askFault(question, say, changed) {
  const lines = question.code.map((line, i) => i + 1).filter((n) => question.code[n - 1].trim());
  const content = (i) => [
    element("span", { class: "check-number", "aria-hidden": "true" }, String(lines[i])),
    element("code", {}, element("span", { class: "live-unseen" }, `${say.line(lines[i])}: `), question.code[lines[i] - 1]),
  ];
  const list = radios(say.lines, "check-line", lines.length, content, changed);
  list.box.classList.add("check-lines");
  function judge() {
    const chosen = list.chosen();
    if (chosen < 0) return null;
    const right = lines[chosen] === question.line;
    list.mark(lines.indexOf(question.line), chosen);
    const said = [verdict(right, say)];
    if (!right) said.push(html("div", question.decoys[lines[chosen]] ?? say.fine), block(strong(`${say.rightAnswer} `), say.line(question.line)));
    said.push(html("div", question.why), element("p", {}, say.mended), element("pre", {}, element("code", {}, question.fix)));
    return { right, said };
  }
  return { parts: [list.box], judge, ready: () => list.chosen() >= 0 };
}

function askOrder(question, say, changed, random) {
  const all = question.steps.length;
  let places = shuffled(question.steps.keys(), random);
  if (places.every((step, i) => step === i)) places = [...places.slice(1), places[0]];
  const heard = element("p", { class: "live-unseen", role: "status" });
  const items = question.steps.map((step, n) => {
    const text = html("span", step);
    const move = (by, name, sign) => {
      const made = button(sign, () => {
        shift(n, places.indexOf(n) + by);
        made.focus();
      });
      fill(made, { "aria-label": `${name}: ${text.textContent}` }, []);
      return made;
    };
    const [up, down] = [move(-1, say.up, "↑"), move(1, say.down, "↓")];
    const handle = element("span", { class: "check-handle", "aria-hidden": "true", title: say.grab }, "⠿");
    return { item: element("li", {}, handle, text, up, down), up, down, handle };
  });
  const list = element("ol", { class: "check-steps" });
  function show() {
    places.forEach((n, place) => {
      const { item, up, down } = items[n];
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
      up.setAttribute("aria-disabled", String(place === 0));
      down.setAttribute("aria-disabled", String(place === all - 1));
    });
  }
  function shift(n, place) {
    if (place === places.indexOf(n)) return;
    places = places.filter((other) => other !== n);
    places.splice(place, 0, n);
    show();
    heard.textContent = say.place(place + 1, all);
    changed();
  }
  let dragged = -1;
  dragging(
    list,
    (target) => {
      dragged = list.dataset.still ? -1 : items.findIndex(({ handle }) => handle === target);
      items[dragged]?.item.classList.add("check-dragged");
      return dragged >= 0;
    },
    ([, y]) => {
      const top = list.getBoundingClientRect().top;
      const middles = places.filter((n) => n !== dragged).map((n) => {
        const box = items[n].item.getBoundingClientRect();
        return box.top + box.height / 2 - top;
      });
      shift(dragged, middles.filter((middle) => middle < y).length);
    },
    () => items[dragged].item.classList.remove("check-dragged"),
  );
  show();
  function judge() {
    const fit = places.filter((n, place) => n === place).length;
    list.dataset.still = "true";
    places.forEach((n, place) => items[n].item.classList.add(n === place ? "check-is-right" : "check-is-wrong"));
    for (const { up, down } of items) for (const one of [up, down]) one.setAttribute("aria-disabled", "true");
    const said = [verdict(fit === all, say)];
    if (fit < all) {
      const steps = question.steps.map((step) => html("li", step));
      said.push(element("p", {}, say.places(fit, all)), element("p", {}, strong(say.order)), element("ol", {}, ...steps));
    }
    return { right: fit === all, said: [...said, html("div", question.why)] };
  }
  return { parts: [list, heard], judge, ready: () => true };
}

// A reader judges their own code: `judge` shows a solution and what to look for.
function askCode(question, say) {
  const box = element("textarea", { rows: 4, spellcheck: "false", maxlength: 2000, class: "check-write" });
  const judge = () => {
    box.readOnly = true;
    return { right: null, said: [html("div", question.why)] };
  };
  return { parts: [labelled(say.code, box)], judge, ready: () => true };
}

const ASK = { choice: askChoice, numeric: askNumbers, shape: askNumbers, fault: askFault, order: askOrder, code: askCode };
