// Bring the page's live figures to life. `modules` maps a name to an anywidget module.
function modelOf(state) {
  const listeners = new Map();
  const emit = (event, ...details) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...details);
  };
  return {
    get: (name) => state[name],
    set(name, value) {
      if (Object.is(state[name], value)) return;
      state[name] = value;
      emit(`change:${name}`, this, value);
      emit("change", this);
    },
    save_changes() {},
    on(event, listener) {
      for (const one of event.split(/\s+/)) {
        if (!listeners.has(one)) listeners.set(one, new Set());
        listeners.get(one).add(listener);
      }
    },
    off(event, listener) {
      if (event === undefined) return listeners.clear();
      for (const one of event.split(/\s+/)) {
        if (listener) listeners.get(one)?.delete(listener);
        else listeners.delete(one);
      }
    },
  };
}

async function hydrate(figure) {
  const fallback = figure.querySelector(".live-fallback");
  const root = document.createElement("div");
  root.className = "live-root";
  figure.insertBefore(root, fallback);
  try {
    const name = figure.dataset.live;
    if (!Object.hasOwn(modules, name)) throw new Error("no such figure");
    const props = JSON.parse(figure.querySelector("script.live-props").textContent);
    await modules[name].render({ model: modelOf(props), el: root });
    if (fallback) fallback.hidden = true;
    figure.dataset.liveState = "ready";
  } catch (error) {
    root.remove();
    figure.dataset.liveState = "failed";
    console.error(`Live figure ${figure.dataset.live}:`, error);
  }
}

const figures = document.querySelectorAll("figure.live-figure:not([data-live-state])");
if ("IntersectionObserver" in window) {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        hydrate(target);
      }
    },
    { rootMargin: "600px" },
  );
  figures.forEach((figure) => observer.observe(figure));
} else {
  figures.forEach(hydrate);
}
