// A text as tokens to stand on, with arcs to where a head looks; and what such parts of a figure share.

// Set what has changed of an element, and nothing else.
function set(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") {
      if (made.textContent !== value) made.textContent = value;
    } else if (made.getAttribute(name) !== String(value)) made.setAttribute(name, value);
  }
}

// Make buttons in a box one stop for Tab; the arrow keys, Home and End go on, up and down by so many as
// stand side by side. The answer: a function that says which button is the stop.
function roving(box, across = () => 1) {
  const all = () => [...box.querySelectorAll("button")];
  const stop = (chosen) => all().forEach((one) => set(one, { tabindex: one === chosen ? 0 : -1 }));
  box.addEventListener("keydown", (event) => {
    const at = all().indexOf(document.activeElement);
    const places = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + across(),
      ArrowUp: at - across(),
      Home: 0,
      End: all().length - 1,
    };
    if (at < 0 || !Object.hasOwn(places, event.key)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all()[places[event.key]]?.focus();
  });
  box.addEventListener("focusin", ({ target }) => stop(target));
  return (chosen) => {
    if (!box.contains(document.activeElement)) stop(chosen);
  };
}

const largest = (numbers) => numbers.reduce((best, one, i) => (one > numbers[best] ? i : best), 0);

const LEAST_ARC = 0.08; // the weight from which on there is an arc
const MOST_ARCS = 3;

// `stand` is called with the place of a token that is tapped.
function storyPart(label, two, stand) {
  const arcs = shape("svg", { class: "look-arcs", "aria-hidden": "true" });
  const weighed = shape("svg", { class: "look-arcs look-weights", "aria-hidden": "true" });
  const line = element("div", { class: "look-tokens", dir: "auto" }, arcs, weighed);
  const layers = line.children.length;
  const box = element("div", { class: "look-story", role: "group", "aria-label": label }, line);
  const stopAt = roving(line);
  const places = [];
  let [stood, length] = [-1, -1];

  function placeOf(i) {
    places[i] ??= element("button", { type: "button", onclick: () => stand(i) });
    if (!places[i].isConnected || places[i].parentNode !== line) line.append(places[i]);
    return places[i];
  }

  function bringIntoSight(position) {
    const { offsetTop, offsetHeight } = places[position];
    const { scrollTop, clientHeight } = box;
    if (offsetTop >= scrollTop && offsetTop + offsetHeight <= scrollTop + clientHeight) return;
    box.scrollTop = offsetTop - clientHeight + 2 * offsetHeight;
  }

  function drawArcs(weights, position) {
    const middle = ({ offsetLeft, offsetTop, offsetWidth }) => [offsetLeft + offsetWidth / 2, offsetTop];
    const [x, y] = middle(places[position]);
    const far = [...weights.keys()]
      .filter((i) => weights[i] >= LEAST_ARC && i !== position)
      .sort((a, b) => weights[b] - weights[a])
      .slice(0, MOST_ARCS);
    const ways = far.map((i) => {
      const [a, b] = middle(places[i]);
      const up = Math.min(b, y) - 14 - 0.05 * Math.abs(a - x);
      const d = `M${x},${y} C${x},${up} ${a},${up} ${a},${b}`;
      return shape("path", { d, "stroke-width": 1 + 3 * weights[i], opacity: 0.4 + 0.6 * weights[i] });
    });
    arcs.replaceChildren(...ways);
    const numbers = far.map((i) => {
      const [a, b] = middle(places[i]);
      return shape("text", { x: a, y: b - 2 }, two(weights[i]));
    });
    weighed.replaceChildren(...numbers);
  }

  // Show texts, of which the first `given` are the reader's, from a position with its weights; `starts`
  // where the first token is the one that begins texts.
  function draw(texts, given, position, weights, starts) {
    while (line.children.length - layers > texts.length) line.lastChild.remove();
    texts.forEach((text, i) => {
      const future = i > position;
      const kinds = [[i >= given, "look-new"], [future, "look-future"], [!i && starts, "look-start"]];
      const kind = kinds.filter(([is]) => is).map(([, name]) => name);
      set(placeOf(i), {
        text,
        class: ["look-token", ...kind].join(" "),
        style: `--weight:${future ? 0 : weights[i].toFixed(2)}`,
        "aria-current": i === position,
      });
    });
    const moves = stood !== position || length !== texts.length;
    [stood, length] = [position, texts.length];
    if (moves) stopAt(places[position]);
    measure(() => {
      if (moves) bringIntoSight(position);
      drawArcs(weights, position);
    });
  }

  // Places are read in the next frame, when the page has laid out what was written: to ask at once would
  // make it do so twice.
  let last = null;
  function measure(act) {
    if (!last) {
      requestAnimationFrame(() => {
        const latest = last;
        last = null;
        if (box.isConnected) latest();
      });
    }
    last = act;
  }

  return { box, draw };
}

export { largest, roving, set, storyPart };
