// What the live figures share. This text stands in front of each figure's module when Jupyter gets
// it, and in front of all of them in the built book; so a module uses these names without an import.

// --- Elements

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const element = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const shape = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// All of a figure, in a language.
const formOf = (language, ...children) =>
  element(
    "form",
    { class: "live-body", lang: language, onsubmit: (event) => event.preventDefault() },
    ...children,
  );

// A control below its label.
const labelled = (text, control, kind = "live-stack") =>
  element("label", { class: kind }, element("span", {}, text), control);

// A button that does nothing while its `aria-disabled` is "true": so it keeps the focus.
function button(text, act) {
  const usable = () => made.getAttribute("aria-disabled") !== "true";
  const made = element("button", { type: "button", onclick: () => usable() && act() }, text);
  return made;
}

const buttonGroup = (legend, buttons) =>
  element("fieldset", { class: "live-buttons" }, element("legend", {}, legend), ...buttons);

function checkbox(text, checked, change) {
  const box = element("input", {
    type: "checkbox",
    ...(checked && { checked: "" }),
    onchange: () => change(box.checked),
  });
  return element("label", { class: "live-check" }, box, element("span", {}, text));
}

// One of several `options`, each a value and its label, as radio buttons: one stop for Tab, and the
// arrow keys go on. The form keeps groups of one name apart from other figures'.
const choice = (legend, name, options, chosen, change, kind = "") =>
  element(
    "fieldset",
    kind ? { class: kind } : {},
    element("legend", {}, legend),
    ...options.map(([value, label]) =>
      element(
        "label",
        {},
        element("input", {
          type: "radio",
          name,
          value,
          onchange: () => change(value),
          ...(value === chosen && { checked: "" }),
        }),
        element("span", {}, label),
      ),
    ),
  );

// A list to choose from; `change` gets the place of what is chosen.
function selectOf(labels, change) {
  const made = element(
    "select",
    { onchange: () => change(made.selectedIndex) },
    ...labels.map((label, i) => element("option", { value: i }, label)),
  );
  return made;
}

// A box for text of at most so many characters.
function textBox(rows, most, change) {
  const box = element("textarea", {
    rows,
    maxlength: most,
    spellcheck: "false",
    oninput: () => change(box.value),
  });
  return box;
}

// A slider in a `box` with its label; `change` gets its value, and `set` moves it and says in words,
// beside it and to screen readers, what the value stands for.
function slider(label, range, change) {
  const place = element("span", { class: "live-place", "aria-hidden": "true" });
  const input = element("input", {
    type: "range",
    ...range,
    oninput: () => change(Number(input.value)),
  });
  const box = element(
    "div",
    { class: "live-slider" },
    element("label", {}, element("span", {}, label), input),
    place,
  );
  const set = (value, text) => {
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    place.textContent = text;
  };
  return { box, input, set };
}

// What a screen reader reads out when it changes.
const statusLine = () =>
  element("p", { class: "live-status", role: "status", "aria-live": "polite" });

// Pairs of a name and a text, for a description list.
const facts = (pairs) =>
  pairs.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text)));

// A table with a body to fill; a column without a name has an empty cell for its heading.
function tableWith(kind, caption, columns, rows = []) {
  const heading = (name) => (name ? element("th", { scope: "col" }, name) : element("td"));
  return element(
    "table",
    { class: `live-table ${kind}` },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...columns.map(heading))),
    element("tbody", {}, ...rows),
  );
}

const fillTable = (table, rows) => table.tBodies[0].replaceChildren(...rows);
const cell = (...content) => element("td", {}, ...content);
const rowOf = (attributes, head, ...cells) =>
  element("tr", attributes, element("th", { scope: "row" }, ...[head].flat()), ...cells);

// A cell with a bar as long as its share, 0 to 1, of the whole.
const barCell = (share, text) =>
  cell(
    element(
      "span",
      { class: "live-bar" },
      element("span", { style: `width:${100 * share}%` + (share ? "" : ";min-width:0") }),
    ),
    element("span", {}, text),
  );

// A part that scrolls sideways, by the keyboard too.
const scrolling = (label, content) =>
  element("div", { class: "live-scroll", tabindex: "0", role: "group", "aria-label": label }, content);

// What stands folded below a drawing: its numbers, for who wants to read them.
const folded = (text, ...content) =>
  element("details", { class: "live-fold" }, element("summary", {}, text), ...content);

// The function `render` of a figure. Its properties change only where a kernel changes them; then
// the figure starts afresh. What `draw` returns, if anything, is called before that.
function renderer(properties, draw) {
  const events = properties.map((name) => `change:${name}`).join(" ");
  return ({ model, el }) => {
    let end = draw(model, el);
    const redraw = () => {
      end?.();
      end = draw(model, el);
    };
    model.on(events, redraw);
    return () => {
      end?.();
      model.off(events, redraw);
    };
  };
}

// --- Data that a reader asks for

const PAGE_SCRIPT = document.currentScript?.src; // of a built page; a module of Jupyter has none

// The script beside the page's own holds a file as text: a page opened from a folder may load scripts,
// but not other files.
function loadScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`${name}.js`, PAGE_SCRIPT);
    script.onload = () => {
      script.remove();
      resolve(globalThis.bookFiles[name]);
      delete globalThis.bookFiles[name];
    };
    script.onerror = () => reject(new Error(script.src));
    document.head.append(script);
  });
}

const AT_A_TIME = 2 ** 16; // characters: some milliseconds

async function fromBase64(text, pause) {
  const bytes = new Uint8Array((text.length / 4) * 3 - (text.match(/=*$/)[0].length));
  for (let start = 0; start < text.length; start += AT_A_TIME) {
    const part = atob(text.slice(start, start + AT_A_TIME));
    const at = (start / 4) * 3;
    for (let i = 0; i < part.length; i++) bytes[at + i] = part.charCodeAt(i);
    await pause();
  }
  return bytes;
}

const PATIENCE = 30_000; // milliseconds for the kernel's answer

// In Jupyter the kernel sends it when it is asked.
function askKernel(widget, kind, asked = { type: "load" }) {
  return new Promise((resolve, reject) => {
    const listen = (content, [data] = []) => {
      if (content?.type !== kind) return;
      finish();
      // Copied: it is part of a message.
      resolve(new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength).slice());
    };
    const finish = () => {
      clearTimeout(timer);
      widget.off("msg:custom", listen);
    };
    const timer = setTimeout(() => {
      finish();
      reject(new Error("no answer from the kernel"));
    }, PATIENCE);
    widget.on("msg:custom", listen);
    widget.send(asked);
  });
}

// The bytes of a figure's file, such as the "model", in the figure's language.
async function loadBytes(widget, kind, pause) {
  if (!PAGE_SCRIPT) return askKernel(widget, kind);
  return fromBase64(await loadScript(`${kind}_${widget.get("language")}`), pause);
}

// The bytes of a file that is one for both languages, of a figure that has several.
async function loadShared(widget, kind, pause) {
  if (!PAGE_SCRIPT) return askKernel(widget, kind, { type: "load", kind });
  return fromBase64(await loadScript(kind), pause);
}

// A function that begins something at its first call and gives every caller the same promise; what has
// failed is begun anew.
function beginOnce(begin) {
  let begun = null;
  return () => {
    begun ??= begin().catch((error) => {
      begun = null;
      throw error;
    });
    return begun;
  };
}

// --- Work beside the page

// The bytes that a call gives: they go to the worker instead of being copied.
const buffersOf = ({ given = [] }) =>
  given.filter((one) => one instanceof Uint8Array).map(({ buffer }) => buffer);

// Work that goes on in a worker, or in the page where that is refused. `serve` is imported from the file
// `name` of the engine; it gets a function to tell by and gives one that hears. Here `hear` gets what is
// told. The answer: `tell` sends a message, `end` stops it, `where` it works, once that is known.
function beside(name, serve, hear) {
  let waiting = []; // until it is known where
  let receive = null;
  const work = { where: null, tell, end: () => {} };
  function tell(message) {
    if (receive) receive(message);
    else waiting.push(message);
  }
  function open(where, receiver) {
    [work.where, receive] = [where, receiver];
    for (const message of waiting) receive(message);
    waiting = [];
  }
  const openHere = () => {
    let ended = false;
    open("page", serve((message) => ended || hear(message)));
    work.end = () => {
      ended = true;
      receive({ type: "end" });
    };
  };
  const text =
    `const engine = (${makeEngine})();\n` +
    `const hear = engine.${name}.serve((message) => postMessage(message));\n` +
    "onmessage = ({ data }) => hear(data);\npostMessage({ type: \"open\" });\n";
  try {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onmessage = ({ data }) => {
      URL.revokeObjectURL(url);
      worker.onmessage = (event) => hear(event.data);
      open("worker", (message) => worker.postMessage(message, buffersOf(message)));
    };
    worker.onerror = () => {
      if (!work.where) openHere(); // some pages may make workers, but not run them
    };
    work.end = () => worker.terminate();
  } catch {
    openHere();
  }
  return work;
}

// --- Drawings

const GLIDE = 350; // milliseconds
const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// A function that acts at once, but at most once a frame: what is asked for meanwhile is done at the
// next one.
function onceAFrame(act) {
  let [waits, again] = [false, false];
  return function run() {
    again = waits;
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      if (again) run();
    });
    act();
  };
}

// A picture in CSS pixels, as wide as its place: `paint` gets its width, draws with `put`, and returns
// its height. It is painted by `show`, and again when its place becomes wider or narrower.
function drawing(kind, paint) {
  const svg = shape("svg", { class: `live-drawing ${kind}`, role: "img" });
  let width = 0;
  function show() {
    width ||= Math.round(svg.getBoundingClientRect().width); // `follow` knows when it changes
    const children = [];
    const height = paint(width || 640, (...made) => children.push(...made.flat()));
    fill(svg, { viewBox: `0 0 ${width || 640} ${height}`, height }, []);
    svg.replaceChildren(...children);
  }
  const follow = onceAFrame(() => {
    const now = Math.round(svg.getBoundingClientRect().width);
    if (now === width) return;
    width = now;
    show();
  });
  new ResizeObserver(() => requestAnimationFrame(width ? follow : show)).observe(svg);
  const label = (text) => svg.setAttribute("aria-label", text);
  return { svg, show, label };
}

// A text at a place of a drawing; by default it begins there.
const textAt = (x, y, text, kind = "", attributes = {}) =>
  shape("text", { x, y, class: kind, ...attributes }, text);

// A text of at most so many characters.
function cut(text, most) {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
}

// Numbers as bars up and down from a line, in a box of a drawing; `most` is as high as half of it.
function strip(numbers, { x, y, width, height, most, kind }) {
  const wide = width / numbers.length;
  const middle = y + height / 2;
  const line = shape("line", { x1: x, x2: x + width, y1: middle, y2: middle, class: "live-axis" });
  const bars = numbers.map((number, i) => {
    const tall = most ? (Math.abs(number) / most) * (height / 2) : 0;
    return shape("rect", {
      class: kind,
      x: x + i * wide + Math.min(1, wide / 8),
      y: number > 0 ? middle - tall : middle,
      width: wide - 2 * Math.min(1, wide / 8),
      height: tall,
    });
  });
  return [line, ...bars];
}

// An element glides to its place from one so many CSS pixels off, unless the reader wants no motion.
function glide(element, [x, y], then = () => {}) {
  const frames = [{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }];
  element.animate(frames, { duration: GLIDE, easing: "ease-in-out" }).onfinish = then;
}

// A button that plays: `forward` acts at each beat until it returns false; for who wants no motion,
// `jump` goes to the end at once. `stop` ends it.
function player([play, pause], beat, { begin = () => {}, forward, jump }) {
  let clock = 0;
  const stop = () => {
    clearInterval(clock);
    clock = 0;
    made.textContent = play;
  };
  const made = button(play, () => {
    if (clock) return stop();
    begin();
    if (isStill()) return jump();
    made.textContent = pause;
    clock = setInterval(() => forward() || stop(), beat);
  });
  return { button: made, stop };
}

// A pointer (mouse, pen or finger) on a drawing. Where it goes down, `begin` gets what is there and the
// place; if it returns true, `move` gets the places to which it is dragged, and `end` is called when it is
// let go.
function dragging(svg, begin, move, end = () => {}) {
  let pointer = null;
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || pointer !== null || !begin(event.target, placeOf(event))) return;
    pointer = event.pointerId;
    svg.setPointerCapture(pointer);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (event.pointerId === pointer) move(placeOf(event));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    svg.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      end();
    });
  }
}

// --- Numbers; figure.py writes them in the same way

// Plain digits as a language writes them: 12345.5 is 12,345.5 in English and 12 345,5 in Spanish,
// where four digits stay together. There is no minus before a zero.
function localised(digits, language) {
  const [, minus, whole, rest] = /^(-?)(\d+)(.*)$/.exec(digits);
  const [gap, point] = language === "es" ? ["\u202f", ","] : [",", "."];
  const together = language === "es" && whole.length < 5;
  const grouped = together ? whole : whole.replace(/\B(?=(\d{3})+$)/g, gap);
  return (minus && /[1-9]/.test(digits) ? "−" : "") + grouped + rest.replace(".", point);
}

// A number with so many digits after the point.
const decimal = (number, digits, language) =>
  number === Infinity ? "∞" : localised(number.toFixed(digits), language);

// A digit, a point, so many more digits (by default as many as there are), and a power of ten:
// 5.88 × 10²³, without a line break inside.
function scientific(number, language, digits) {
  const [first, power] = number.toExponential(digits).split("e");
  const raised = String(Number(power)).replace(/[-\d]/g, (sign) =>
    sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign],
  );
  return `${localised(first, language)}\u00a0×\u00a010${raised}`;
}

// A power of ten by its exponent: 10⁻², and 1.
const powerOfTen = (power) => (power ? scientific(10 ** power, "en").split("×\u00a0")[1] : "1");

// A number, also a BigInt, with the digits that it has and no more.
function plain(number, language) {
  const digits = String(number);
  return digits.includes("e") ? scientific(number, language) : localised(digits, language);
}

// --- Texts

// A text as it can be read: a space as ·, a character without ink as its code point, and a combining
// mark at the start on a circle; of `decoded` bytes also those that are no text, as <C3>. `visible`
// in figure.py gives the same.
function visible(text) {
  const signs = { " ": "·", "\n": "↵", "\t": "⇥" };
  const hex = (code, digits) => code.toString(16).toUpperCase().padStart(digits, "0");
  let shown = "";
  for (const character of text) {
    const code = character.codePointAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) shown += `<${hex(code - 0xdc00, 2)}>`;
    else if (Object.hasOwn(signs, character)) shown += signs[character];
    else if (/[\p{Cc}\p{Cf}\p{Z}]/u.test(character)) shown += `<U+${hex(code, 4)}>`;
    else shown += (!shown && /\p{M}/u.test(character) ? "◌" : "") + character;
  }
  return shown;
}

// Bytes as a text, in which a half character's code unit stands for each byte that is no UTF-8.
function decoded(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i];
    const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      text += decoder.decode(Uint8Array.from(bytes.slice(i, i + length)));
      i += length;
    } catch {
      text += String.fromCharCode(0xdc00 + lead);
      i++;
    }
  }
  return text;
}

// A token in a heading.
const tokenOf = (text) => element("span", { class: "live-token" }, text);

// A character in a heading, with the name of one that has no ink.
function characterOf(character, say) {
  const names = { " ": say.space, "\n": say.newline, "\t": say.tab };
  const name = Object.hasOwn(names, character) ? [` ${names[character]}`] : [];
  return [tokenOf(visible(character)), ...name];
}
