"""The questions as items of QTI 2.1.

A number is compared within its tolerance, a shape with all its spellings, steps by their order;
each option has its feedback, and code waits for a person. Formulas are MathML.

Source: https://www.imsglobal.org/question/qtiv2p1/imsqti_implv2p1.html
"""

from html import escape

from lessons_lib.classroom.questions.asking import (
    LETTERS,
    WORDS,
    explained,
    name,
    offered,
    plain,
    prompt,
    spellings,
)
from lessons_lib.classroom.questions.drawing import Drawn
from lessons_lib.classroom.questions.maths import mathml
from lessons_lib.classroom.questions.text import as_html, inline_html

__all__ = ["HEAD", "INTERACTIONS", "identifier_of", "item", "tag"]

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
SCHEMA = "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
INTERACTIONS = {
    "choice": "choiceInteraction",
    "fault": "choiceInteraction",
    "numeric": "textEntryInteraction",
    "shape": "textEntryInteraction",
    "order": "orderInteraction",
    "code": "extendedTextInteraction",
}
# the base type of what a student answers, and whether there are one or several of it
ANSWERS = {
    "choice": ("identifier", "single"),
    "fault": ("identifier", "single"),
    "numeric": ("float", "single"),
    "shape": ("string", "single"),
    "order": ("identifier", "ordered"),
    "code": ("string", "single"),
}


def item(drawn: Drawn) -> str:
    """Return a drawn question as an item of QTI 2.1."""
    kind = drawn.question.kind
    base, cardinality = ANSWERS[kind]
    parts = [
        tag(
            "responseDeclaration",
            *_correct(drawn, base),
            identifier="RESPONSE",
            cardinality=cardinality,
            baseType=base,
        ),
        _outcome("SCORE", "float", "single", "0"),
        _outcome("MAXSCORE", "float", "single", "1"),
        _outcome("FEEDBACK", "identifier", "multiple"),
        tag("itemBody", *_body(drawn)),
        tag("responseProcessing", *_processing(drawn)) if kind != "code" else "",
        *_feedback(drawn),
    ]
    attributes = {
        "xmlns": QTI,
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "xsi:schemaLocation": f"{QTI} {SCHEMA}",
        "identifier": identifier_of(drawn),
        "title": name(drawn),
        "xml:lang": drawn.language,
        "adaptive": "false",
        "timeDependent": "false",
    }
    lines = "\n".join(["", *filter(None, parts), ""])
    return f"{HEAD}{tag('assessmentItem', lines, **attributes)}\n"


def identifier_of(drawn: Drawn) -> str:
    """Return the identifier of an item: letters, digits, hyphens, underscores."""
    return name(drawn).replace(" ", "-")


def tag(name: str, *children: str, **attributes: str) -> str:
    """Return an element of XML; its children are XML, its attributes plain text."""
    given = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>{''.join(children)}</{name}>" if children else f"<{name}{given}/>"


def _value(base: str, text: str) -> str:
    return tag("baseValue", escape(text, quote=False), baseType=base)


def _variable(identifier: str) -> str:
    return tag("variable", identifier=identifier)


def _outcome(identifier: str, base: str, cardinality: str, default: str = "") -> str:
    inner = [tag("defaultValue", tag("value", default))] if default else []
    return tag(
        "outcomeDeclaration",
        *inner,
        identifier=identifier,
        cardinality=cardinality,
        baseType=base,
    )


def _correct(drawn: Drawn, base: str) -> list[str]:
    """Return the right answer and, of a shape, the points for its spellings."""
    kind = drawn.question.kind
    if kind == "code":
        return []
    if kind == "order":
        letters = dict(zip(drawn.order, LETTERS.upper(), strict=False))
        values = [letters[at] for at in sorted(letters)]
    else:
        values = [_given(drawn, i) for i, choice in enumerate(drawn.choices) if choice.right]
    parts = [tag("correctResponse", *(tag("value", escape(one)) for one in values))]
    if kind == "shape":
        entries = (
            tag("mapEntry", mapKey=way, mappedValue="1", caseSensitive="false")
            for way in spellings(tuple(drawn.answer))
        )
        parts.append(tag("mapping", *entries, defaultValue="0"))
    return parts


def _given(drawn: Drawn, i: int) -> str:
    """Return what a student's answer is where it is the choice `i`."""
    if drawn.question.kind == "numeric":
        return plain(drawn.choices[i].value, drawn.decimals)
    if drawn.question.kind == "shape":
        return str(tuple(drawn.choices[i].value))
    return LETTERS[i].upper()


def _body(drawn: Drawn) -> list[str]:
    """Return the task and what it is answered with."""
    kind, words = drawn.question.kind, WORDS[drawn.language]
    task = prompt(drawn)
    if kind == "numeric" and drawn.decimals and words["point"]:
        task = f"{task} {words['point']}"
    parts = [tag("div", as_html(task, mathml))]
    attributes = {"responseIdentifier": "RESPONSE"}
    if kind in ("numeric", "shape"):
        entry = tag(INTERACTIONS[kind], **attributes, expectedLength="20")
        return [*parts, tag("p", f"{words['answer']}: {entry}")]
    if kind == "code":
        rubric = tag("div", as_html(explained(drawn), mathml))
        attributes |= {"expectedLines": "5", "format": "preFormatted"}
        return [
            tag("rubricBlock", rubric, view="scorer"),
            *parts,
            tag(INTERACTIONS[kind], **attributes),
        ]
    attributes["shuffle"] = str(kind != "fault").lower()
    if kind != "order":
        attributes["maxChoices"] = "1"
    choices = (
        tag("simpleChoice", inline_html(text, mathml), identifier=LETTERS[i].upper())
        for i, text in enumerate(offered(drawn))
    )
    return [*parts, tag(INTERACTIONS[kind], *choices, **attributes)]


def _processing(drawn: Drawn) -> list[str]:
    """Return how an answer gets its points and its feedback."""
    solution = [_told("SOLUTION")] if explained(drawn) else []
    if drawn.question.kind == "order":
        alike = tag("match", _variable("RESPONSE"), tag("correct", identifier="RESPONSE"))
        rule = tag("responseIf", alike, _points("1"))
        return [tag("responseCondition", rule), *solution]
    rules = []
    for i, choice in enumerate(drawn.choices):
        told = [_told(f"FB_{LETTERS[i].upper()}")] if _own_feedback(drawn, i) else []
        rule = [_alike(drawn, i), _points("1" if choice.right else "0"), *told]
        rules.append(tag("responseElseIf" if rules else "responseIf", *rule))
    return [tag("responseCondition", *rules), *solution]


def _alike(drawn: Drawn, i: int) -> str:
    """Return the condition that an answer is the choice `i`."""
    kind = drawn.question.kind
    if kind == "numeric" and not drawn.tolerance:
        values = [_variable("RESPONSE"), _value("float", _given(drawn, i))]
        return tag("equal", *values, toleranceMode="exact")
    if kind == "numeric":  # two limits: not all platforms know the tolerance of `equal`
        within = drawn.tolerance + 10.0 ** -(drawn.decimals + 4)  # what rounding may add
        limits = (drawn.choices[i].value - within, drawn.choices[i].value + within)
        low, high = (_value("float", plain(float(one), drawn.decimals)) for one in limits)
        given = _variable("RESPONSE")
        return tag("and", tag("gte", given, low), tag("lte", given, high))
    if kind == "shape":
        ways = (
            tag(
                "stringMatch",
                _variable("RESPONSE"),
                _value("string", way),
                caseSensitive="false",
            )
            for way in spellings(tuple(drawn.choices[i].value))
        )
        return tag("or", *ways)
    return tag("match", _variable("RESPONSE"), _value("identifier", _given(drawn, i)))


def _points(points: str) -> str:
    return tag("setOutcomeValue", _value("float", points), identifier="SCORE")


def _told(identifier: str) -> str:
    """Return the rule that adds a feedback to those that are shown."""
    both = tag("multiple", _variable("FEEDBACK"), _value("identifier", identifier))
    return tag("setOutcomeValue", both, identifier="FEEDBACK")


def _own_feedback(drawn: Drawn, i: int) -> str:
    """Return in Markdown what is said of the choice `i` beside the solution, if anything."""
    choice = drawn.choices[i]
    return choice.feedback if drawn.question.kind == "choice" or not choice.right else ""


def _feedback(drawn: Drawn) -> list[str]:
    """Return what a student reads afterwards: of each choice, then the solution."""
    if drawn.question.kind == "code":
        return []
    said = {f"FB_{LETTERS[i].upper()}": _own_feedback(drawn, i) for i in range(len(drawn.choices))}
    said["SOLUTION"] = explained(drawn)
    return [
        tag(
            "modalFeedback",
            as_html(text, mathml),
            outcomeIdentifier="FEEDBACK",
            identifier=identifier,
            showHide="show",
        )
        for identifier, text in said.items()
        if text
    ]
