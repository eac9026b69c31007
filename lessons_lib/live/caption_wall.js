// A caption looks for its picture among twelve. Cosines are those of `lessons_lib.clip`; here they
// are multiplied and become percent.

import { softmax } from "./engine/sampling.js";

const STRINGS = {
  en: {
    caption: "Caption",
    factor: "Factor τ",
    wall: "Twelve pictures, with percent for this caption",
    picture: (n, percent) => `Picture ${n}, ${percent} percent`,
    frame: "Which captions fit this picture?",
    drop: "Press a picture, or drag it here",
    best: (n, percent) => `Picture ${n} fits best, with ${percent} percent.`,
    fits: (n) => `Captions for picture ${n}`,
    columns: ["Caption", "Percent"],
    numbers: "Numbers",
    scores: "Cosines and percent of all pictures",
    head: ["Picture", "Cosine", "Percent"],
  },
  es: {
    caption: "Descripción",
    factor: "Factor τ",
    wall: "Doce imágenes, con el porcentaje para esta descripción",
    picture: (n, percent) => `Imagen ${n}, ${percent} por ciento`,
    frame: "¿Qué descripciones le van a esta imagen?",
    drop: "Pulsa una imagen o arrástrala aquí",
    best: (n, percent) => `La imagen ${n} es la que mejor encaja, con un ${percent} por ciento.`,
    fits: (n) => `Descripciones para la imagen ${n}`,
    columns: ["Descripción", "Por ciento"],
    numbers: "Números",
    scores: "Cosenos y porcentajes de todas las imágenes",
    head: ["Imagen", "Coseno", "Por ciento"],
  },
};
const SIDE = 32; // pixels of a picture
const SHOWN = 4; // captions in the frame
const FAR = 6; // CSS pixels from which a press is a drag

// A picture of three bytes a pixel.
function canvasOf(text) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const canvas = element("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    image.data.set([bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2], 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function draw(model, el) {
  const language = model.get("language");
  const say = STRINGS[language];
  const [captions, cosines] = [model.get("captions"), model.get("cosines")];
  const state = { caption: 0, picture: -1, factor: model.get("scale") };
  const percent = (share) => decimal(100 * share, 0, language);
  const shares = (numbers) => [...softmax(Float64Array.from(numbers, (x) => state.factor * x))];

  const list = selectOf(captions, (place) => {
    state.caption = place;
    show();
  });
  const factor = slider(say.factor, { min: 1, max: 100, step: 1 }, (value) => {
    state.factor = value;
    show();
  });
  const tiles = model.get("pictures").map((bytes, i) => {
    const bar = element("span", { class: "live-bar" }, element("span", {}));
    const words = element("span", { "aria-hidden": "true" });
    const tile = button("", () => choose(i));
    tile.className = "live-tile";
    tile.append(canvasOf(bytes), bar, words);
    carry(tile, i);
    return { tile, bar: bar.firstChild, words };
  });
  const wall = element(
    "div",
    { class: "live-wall", role: "group", "aria-label": say.wall },
    ...tiles.map((one) => one.tile),
  );
  const frame = element("div", { class: "live-frame" });
  const status = statusLine();
  const table = tableWith("live-cosines", say.scores, say.head);

  function choose(i) {
    state.picture = i;
    show();
  }

  // A picture follows the pointer, and asks where it is let go.
  function carry(tile, i) {
    let from = null;
    let dragged = false;
    const away = (event) => [event.clientX - from[0], event.clientY - from[1]];
    tile.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      [from, dragged] = [[event.clientX, event.clientY], false];
      tile.setPointerCapture(event.pointerId);
    });
    tile.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [x, y] = away(event);
      dragged ||= Math.hypot(x, y) > FAR;
      if (dragged) tile.style.transform = `translate(${x}px, ${y}px)`;
    });
    tile.addEventListener("pointerup", (event) => {
      if (from && dragged) {
        const box = frame.getBoundingClientRect();
        const inside = event.clientX > box.left && event.clientX < box.right;
        if (inside && event.clientY > box.top && event.clientY < box.bottom) choose(i);
      }
      end();
    });
    tile.addEventListener("pointercancel", end);
    // What was dragged is not pressed as well.
    tile.addEventListener("click", (event) => dragged && event.stopImmediatePropagation(), true);
    function end() {
      from = null;
      tile.style.transform = "";
    }
  }

  function showFrame() {
    if (state.picture < 0) {
      frame.replaceChildren(element("p", {}, say.drop));
      return;
    }
    const found = shares(cosines.map((row) => row[state.picture]));
    const order = found.map((_, i) => i).sort((a, b) => found[b] - found[a] || a - b);
    const rows = order
      .slice(0, SHOWN)
      .map((i) => rowOf({}, captions[i], barCell(found[i], percent(found[i]))));
    const answers = tableWith("live-answers", say.fits(state.picture + 1), say.columns, rows);
    frame.replaceChildren(canvasOf(model.get("pictures")[state.picture]), answers);
    frame.dataset.found = JSON.stringify(found);
  }

  function show() {
    const found = shares(cosines[state.caption]);
    const best = found.indexOf(Math.max(...found));
    tiles.forEach(({ tile, bar, words }, i) => {
      const text = percent(found[i]);
      bar.style.width = `${100 * found[i]}%`;
      bar.style.minWidth = "0";
      words.textContent = text;
      tile.setAttribute("aria-label", say.picture(i + 1, text));
      tile.setAttribute("aria-pressed", String(i === state.picture));
      tile.classList.toggle("live-best", i === best);
    });
    fillTable(
      table,
      found.map((share, i) =>
        rowOf(
          {},
          String(i + 1),
          cell(decimal(cosines[state.caption][i], 3, language)),
          cell(percent(share)),
        ),
      ),
    );
    table.dataset.shares = JSON.stringify(found);
    factor.set(state.factor, plain(state.factor, language));
    status.textContent = say.best(best + 1, percent(found[best]));
    showFrame();
  }

  el.replaceChildren(
    formOf(
      language,
      labelled(say.caption, list),
      wall,
      status,
      factor.box,
      element("div", { role: "region", "aria-label": say.frame }, frame),
      folded(say.numbers, scrolling(say.scores, table)),
    ),
  );
  show();
}

const render = renderer(["pictures", "captions", "cosines", "scale", "language"], draw);

export default { render };
