// A small GGUF file of the reader's, chosen or dropped on a figure; and what is said of one that cannot be
// opened.

const MOST_BYTES = 128e6; // as the engine

const STRINGS = {
  en: {
    file: "Open a small GGUF file of your own, or drop it here",
    limits:
      "Architecture llama or qwen3; tensors in F32, F16, Q8_0 or Q4_0; at most 128 MB and 25 " +
      "million parameters. The file stays on your computer.",
    refused: {
      size: "This file is too large for the page.",
      magic: "This is no GGUF file.",
      architecture: "This model has an architecture that the page does not know.",
      type: "This file has tensors of a type that the page does not know.",
      tokenizer: "This file has a tokenizer that the page does not know.",
      heads: "This model has more heads than the figure can draw.",
      part: "This file is one part of a model that lies in several.",
      overflow: "What this model calculates leaves the range of numbers: it cannot tell anything.",
      broken: "This file cannot be opened.",
    },
  },
  es: {
    file: "Abre un archivo GGUF pequeño que tengas, o suéltalo aquí",
    limits:
      "Arquitectura llama o qwen3; tensores en F32, F16, Q8_0 o Q4_0; como mucho 128 MB y 25 " +
      "millones de parámetros. El archivo no sale de tu ordenador (computadora).",
    refused: {
      size: "Este archivo es demasiado grande para la página.",
      magic: "Esto no es un archivo GGUF.",
      architecture: "Este modelo tiene una arquitectura que la página no conoce.",
      type: "Este archivo tiene tensores de un tipo que la página no conoce.",
      tokenizer: "Este archivo tiene un tokenizador que la página no conoce.",
      heads: "Este modelo tiene más cabezas de las que la figura puede dibujar.",
      part: "Este archivo es una parte de un modelo repartido en varios.",
      overflow: "Lo que este modelo calcula se sale del rango de los números: no puede contar nada.",
      broken: "Este archivo no se puede abrir.",
    },
  },
};

// What is said of an error: the sentence for its reason, and its message.
function refusals(language) {
  const { refused } = STRINGS[language];
  return ({ reason, message }, otherwise = refused.broken) => [refused[reason] ?? otherwise, message];
}

// The control and its words as `elements`; `open` gets a function that promises a file's bytes.
// `listen` makes a form take files that are dropped on it, and answers with a function that ends that;
// `clear` forgets the name of the file that was chosen.
function filePart(language, open) {
  const say = STRINGS[language];
  const file = element("input", {
    type: "file",
    accept: ".gguf",
    onclick: () => (file.value = ""), // the same file may be chosen again
    onchange: () => file.files.length && take(file.files[0]),
  });

  function take(chosen) {
    open(async () => {
      if (chosen.size > MOST_BYTES) {
        const error = new Error(`expected at most ${MOST_BYTES} bytes, got ${chosen.size}`);
        throw Object.assign(error, { reason: "size" }); // before it is read
      }
      return new Uint8Array(await chosen.arrayBuffer());
    });
  }

  // A file dropped on the figure is opened; one that misses it does not replace the page.
  function listen(form) {
    const leaving = new AbortController();
    const on = (target, name, act) =>
      target.addEventListener(name, act, { signal: leaving.signal });
    const hasFile = (event) => event.dataTransfer?.types.includes("Files");
    on(form, "dragover", (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      form.classList.add("live-over");
    });
    on(form, "dragleave", (event) => {
      if (!form.contains(event.relatedTarget)) form.classList.remove("live-over");
    });
    on(form, "drop", (event) => {
      form.classList.remove("live-over");
      if (!hasFile(event)) return;
      event.preventDefault();
      const [dropped] = event.dataTransfer.files;
      const only = new DataTransfer();
      only.items.add(dropped);
      file.files = only.files; // the control says its name
      take(dropped);
    });
    for (const name of ["dragover", "drop"]) {
      on(document, name, (event) => {
        const taken = event.defaultPrevented || event.target.closest?.("input[type=file]");
        if (!hasFile(event) || taken) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "none";
      });
    }
    return () => leaving.abort();
  }

  const limits = element("p", { class: "live-legend" }, say.limits);
  return { elements: [labelled(say.file, file), limits], listen, clear: () => (file.value = "") };
}

export { filePart, refusals };
