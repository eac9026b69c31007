"""The questions as a package of QTI 2.1: a manifest, and an item for each question.

Source: https://www.imsglobal.org/question/qtiv2p1/imsqti_intgv2p1.html
"""

import io
import zipfile
from collections.abc import Iterable
from html import escape

from lessons_lib.classroom.questions.asking import name, place
from lessons_lib.classroom.questions.drawing import Drawn
from lessons_lib.classroom.questions.qti import HEAD, INTERACTIONS, identifier_of, item, tag

__all__ = ["package"]

PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
LOM = "http://ltsc.ieee.org/xsd/LOM"
METADATA = "http://www.imsglobal.org/xsd/imsqti_metadata_v2p1"
MADE = (1980, 1, 1, 0, 0, 0)  # the same package each time


def package(questions: Iterable[Drawn]) -> bytes:
    """Return drawn questions as a ZIP file, those of a chapter and a level one after the other."""
    files, resources = {}, []
    for drawn in sorted(questions, key=place):
        path = f"items/{identifier_of(drawn)}.xml"
        files[path] = item(drawn)
        resources.append(_resource(drawn, path))
    files = {"imsmanifest.xml": _manifest(resources), **files}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, MADE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, text.encode())
    return buffer.getvalue()


def _resource(drawn: Drawn, path: str) -> str:
    """Return the entry of an item in the manifest, with what it is about."""
    question, lang = drawn.question, drawn.language
    title = tag("title", tag("string", escape(name(drawn)), language=lang))
    words = (question.slug, question.level, question.objective, question.kind)
    keywords = (tag("keyword", tag("string", escape(one), language=lang)) for one in words)
    lom = tag("lom", tag("general", title, *keywords), xmlns=LOM)
    kind = tag("interactionType", INTERACTIONS[question.kind])
    about = [tag("timeDependent", "false"), kind]
    if question.kind != "code":
        about += [tag("feedbackType", "nonadaptive"), tag("solutionAvailable", "true")]
    return tag(
        "resource",
        tag("metadata", lom, tag("qtiMetadata", *about, xmlns=METADATA)),
        tag("file", href=path),
        identifier=f"R-{identifier_of(drawn)}",
        type="imsqti_item_xmlv2p1",
        href=path,
    )


def _manifest(resources: list[str]) -> str:
    """Return the list of all items."""
    about = tag("schema", "QTIv2.1 Package") + tag("schemaversion", "1.0.0")
    lines = "\n".join(resources)
    manifest = tag(
        "manifest",
        tag("metadata", about),
        tag("organizations"),
        tag("resources", f"\n{lines}\n"),
        xmlns=PACKAGE,
        identifier="questions",
    )
    return f"{HEAD}{manifest}\n"
