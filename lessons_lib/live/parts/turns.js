// Parts of a figure that draw one after the other, so that no task of the page takes long.

const BUDGET = 8; // milliseconds of drawing in a frame; what has begun is finished

// `parts` are elements, each with a function that draws it. The answer gets a state to draw; parts that
// have not drawn the one before by then leave it out. Of a state that is `passing`, because others follow
// soon, parts out of sight do not draw. `end` lets go of the page.
function inTurns(parts) {
  const due = new Set();
  const unseen = new Set();
  let [state, passing, waits] = [null, false, false];
  const drawable = () => parts.filter((one) => due.has(one) && !(passing && unseen.has(one[0])));

  function run() {
    const until = performance.now() + BUDGET;
    for (const part of drawable()) {
      due.delete(part);
      part[1](state);
      if (performance.now() > until) break;
    }
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      if (drawable().length) run();
    });
  }

  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) unseen.delete(target);
      else unseen.add(target);
    }
  });
  for (const [element] of parts) watch.observe(element);

  function draw(next, isPassing = false) {
    [state, passing] = [next, isPassing];
    for (const part of parts) due.add(part);
    if (!waits) run();
  }
  return Object.assign(draw, { end: () => watch.disconnect() });
}

export { inTurns };
