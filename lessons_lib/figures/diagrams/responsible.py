"""Diagram of responsible use: what is planted, what is asked of a model, and what can be said."""

from lessons_lib.figures.sketch import Drawing, Sketch

__all__ = ["responsibility_diagram"]


def responsibility_diagram() -> Drawing:
    """Draw four questions to a model, each with the truth that its answer is held against."""
    alt = (
        "In the middle a trained model, fed from above by texts in which something was planted: "
        "odds, and secrets. From the model four arrows lead down to what is measured, each beside "
        "the truth it is held against: odds learned, beside odds planted; exposure of a secret, "
        "beside chance; membership of a text, beside its true probability; green tokens of a "
        "marked text, beside the share of all.",
        "En el centro, un modelo entrenado, alimentado desde arriba con textos en los que se "
        "plantó algo: probabilidades y secretos. Del modelo bajan cuatro flechas hacia lo que se "
        "mide, cada cosa junto a la verdad con que se compara: probabilidades aprendidas, junto a "
        "las plantadas; exposición de un secreto, junto al azar; pertenencia de un texto, junto a "
        "su probabilidad verdadera; tokens verdes de un texto marcado, junto a su parte del total.",
    )
    sketch = Sketch(250, alt)
    sketch.box(8, 8, 104, 30, ("odds", "probabilidades"), "key")
    sketch.box(124, 8, 104, 30, ("stories", "cuentos"), "plain")
    sketch.box(240, 8, 104, 30, ("secrets", "secretos"), "key")
    for x, end in ((60, 138), (176, 176), (292, 214)):
        sketch.arrow((x, 39), (end, 70))
    sketch.box(116, 72, 120, 32, ("model", "modelo"), "trained")
    columns = (
        (("odds", "probabi-"), ("learned", "lidades"), ("planted", "plantado")),
        (("expo-", "expo-"), ("sure", "sición"), ("chance", "azar")),
        (("member-", "perte-"), ("ship", "nencia"), ("true ln p", "ln p real")),
        (("green", "tokens"), ("tokens", "verdes"), ("share", "parte")),
    )
    for i, (first, second, truth) in enumerate(columns):
        left = 8 + 86 * i
        sketch.arrow((137 + 26 * i, 105), (left + 39, 140))
        sketch.box(left, 142, 78, 46, "", "query")
        sketch.text(left + 39, 160, first)
        sketch.text(left + 39, 178, second)
        sketch.box(left, 200, 78, 26, truth, "key")
    return sketch.drawing()
