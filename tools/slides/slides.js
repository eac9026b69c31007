// Start a deck: keys for notes beside the slide and for the theme, and room for live figures.
(() => {
  const words = document.currentScript.dataset;
  const root = document.documentElement;
  let beside = false;
  const deck = new Reveal({
    width: 1280,
    height: 720,
    margin: 0,
    center: false,
    display: "flex",
    hash: true,
    transition: "none",
    backgroundTransition: "none",
    slideNumber: "c/t",
    scrollActivationWidth: null,
    pdfSeparateFragments: false,
    pdfMaxPagesPerSlide: 1,
    // In a live figure the keys are the figure's.
    keyboardCondition: () => !document.activeElement?.closest(".live-body"),
    plugins: [RevealNotes],
  });
  deck.initialize();
  deck.addKeyBinding({ keyCode: 78, key: "N", description: words.notes }, () => {
    beside = !beside;
    deck.configure({ showNotes: beside });
    deck.layout();
  });
  deck.addKeyBinding({ keyCode: 84, key: "T", description: words.colours }, () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  });
  globalThis.deck = deck;
})();
