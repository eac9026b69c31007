"""How texts look, and which of them speak for all of one shade when contrast is measured."""

# `look` gives an element a number for how it and all around it look. The same look has the same
# number on all pages (cyrb53, 53 bits). `shade` does so for what contrast depends on: the text's
# own colour, whether it is large, and what is painted under it.
LOOK = """
  const hash = (text) => {
    let [a, b] = [0xdeadbeef, 0x41c6ce57];
    for (let i = 0; i < text.length; i++) {
      a = Math.imul(a ^ text.charCodeAt(i), 2654435761);
      b = Math.imul(b ^ text.charCodeAt(i), 1597334677);
    }
    a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
    b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
    return 4294967296 * (2097151 & b) + (a >>> 0);
  };
  const names = [
    "color", "backgroundColor", "backgroundImage", "opacity", "visibility", "display", "position",
    "fontFamily", "fontSize", "fontWeight", "textShadow", "webkitTextFillColor", "filter",
    "mixBlendMode", "zIndex", "textDecorationLine", "borderBottom",
  ];
  // Elements of one tag and place in one look around them are asked once.
  const looks = new Map(), tags = new Map(), numbers = new Map();
  const look = (element) => {
    if (!element) return 0;
    if (!looks.has(element)) {
      const around = look(element.parentElement);
      const places = [":first-child", ":last-child", ":nth-child(odd)", ":checked + *"];
      const place = places.map((one) => element.matches(one));
      const tag = [around, ...place, element.cloneNode().outerHTML].join();
      if (!tags.has(tag)) {
        const style = getComputedStyle(element);
        const key = [around, ...names.map((name) => style[name])].join("|");
        if (!numbers.has(key)) numbers.set(key, hash(key));
        tags.set(tag, numbers.get(key));
      }
      looks.set(element, tags.get(tag));
    }
    return looks.get(element);
  };
  const plain = {
    backgroundColor: ["rgba(0, 0, 0, 0)"], backgroundImage: ["none"], opacity: ["1"],
    position: ["static", "relative"], filter: ["none"], mixBlendMode: ["normal"], zIndex: ["auto"],
  };
  const grounds = new Map();
  const ground = (element) => {
    if (!element) return 0;
    if (!grounds.has(element)) {
      const style = getComputedStyle(element), under = ground(element.parentElement);
      const paints = Object.keys(plain).some((name) => !plain[name].includes(style[name]));
      const own = Object.keys(plain).map((name) => style[name]);
      grounds.set(element, paints ? hash([under, ...own].join("|")) : under);
    }
    return grounds.get(element);
  };
  const letters = ["color", "fill", "visibility", "textShadow", "webkitTextFillColor"];
  const written = (style) => letters.map((name) => style[name]);
  const shade = (element) => {
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18 && style.fontWeight >= 700); // needs less contrast
    const key = [ground(element), large, ...written(style)];
    const link = element.closest("a[href]"); // has to differ from the text around it
    if (link) {
      const { textDecorationLine, borderBottom, fontSize, fontWeight } = getComputedStyle(link);
      const around = getComputedStyle(link.parentElement);
      key.push(textDecorationLine, borderBottom, fontSize, fontWeight);
      key.push(around.display, around.fontSize, around.fontWeight, ...written(around));
    }
    return hash(key.join("|"));
  };
"""
COLOUR_RULES = ("color-contrast", "link-in-text-block")
# Contrast is most of axe's work, in chapters nearly all of it on the thousands of words of code and
# formulas. Of the texts of one shade three are measured, from the first to the last, if there are
# such as axe can judge: longer than one character and not cut off at the side. Shades that passed
# on an earlier page are not measured again; what holds no text to measure is put aside. Returns
# the shades that are measured.
SOME_OF_EACH_SHADE = f"""(passed) => {{
  const rules = {{ "color-contrast": "*LEFT", "link-in-text-block": "a[href]LEFT" }};
  axe.configure({{ rules: Object.entries(rules).map(([id, selector]) => ({{ id, selector }})) }});
  {LOOK}
  passed = new Set(passed);
  const alike = new Map();
  for (const element of document.body.querySelectorAll("*")) {{
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    element.toggleAttribute("data-shade-measured", true);
    if (!own.some((node) => node.data.trim())) continue;
    const key = shade(element);
    if (passed.has(key)) continue;
    const box = element.getBoundingClientRect();
    const around = element.closest("pre")?.getBoundingClientRect();
    const whole = !around || (box.left >= around.left && box.right <= around.right);
    const judged = (text) => text.length > 1 && /[\\p{{L}}\\p{{N}}]/u.test(text);
    const word = own.some((node) => judged(node.data.trim()));
    const some = alike.get(key) ?? {{ judged: [], others: [] }};
    alike.set(key, some);
    (box.width > 0 && whole && word ? some.judged : some.others).push(element);
  }}
  for (const {{ judged, others }} of alike.values()) {{
    const all = [...judged, ...others], last = Math.max(judged.length - 1, 2);
    for (const element of [all[0], all[last >> 1], all[last]])
      for (const one of [element, element?.closest("a[href]")])
        one?.removeAttribute("data-shade-measured");
  }}
  // axe looks where each element of the page lies, however few it measures: PUT_ASIDE.
  for (const block of document.querySelectorAll("article section > *:not(section)"))
    block.toggleAttribute("data-aside", !block.matches("LEFT") && !block.querySelector("LEFT"));
  return [...alike.keys()].filter((key) => alike.get(key).judged.length);
}}""".replace("LEFT", ":not([data-shade-measured])")
# What was put aside is out of the page, and an empty, hidden element of its kind is in its place.
PUT_ASIDE = """() => {
  window.aside = [...document.querySelectorAll("[data-aside]")].map((block) => {
    const stand = block.cloneNode();
    stand.style.setProperty("display", "none", "important");
    block.replaceWith(stand);
    return [stand, block];
  });
}"""
BRING_BACK = "aside.forEach(([stand, block]) => stand.replaceWith(block))"
