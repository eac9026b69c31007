"""How often the vowels of a text stand in it."""

CHAPTER = "intro"


def count_vowels(text):
    counts = {}
    for letter in text.lower():
        if letter in "aeiou":
            counts[letter] = counts.get(letter, 0) + 1
    return counts


CASES = [
    (
        ("banana",),
        {"en": "count a letter each time it stands.", "es": "cuenta una letra cada vez que está."},
    ),
    (
        ("Aa",),
        {
            "en": "a capital letter is the same vowel.",
            "es": "una mayúscula es la misma vocal.",
        },
    ),
    (
        ("rhythm",),
        {"en": "y is no vowel here.", "es": "aquí la y no es vocal."},
    ),
]


def draw(rng):
    return ("".join(rng.choices("aAbeEiou ", k=12)),)


WRONG = {
    "only once each": lambda text: {letter: 1 for letter in text.lower() if letter in "aeiou"},
    "capitals apart": lambda text: {v: text.count(v) for v in set(text) & set("aeiouAEIOU")},
    "y too": lambda text: {v: text.lower().count(v) for v in set(text.lower()) & set("aeiouy")},
}
