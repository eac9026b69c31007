"""The set-up of a notebook in Google Colab: it tells whether all is there that the library needs.

Colab installs the library alone and leaves its own packages as they are: to replace one that is
already loaded, NumPy say, would break the session. So the versions are compared here, and what is
missing is said instead of installed.

Sources: the library's own requirements, as the installed wheel states them; `packaging` reads them
(matplotlib brings it along).
"""

from importlib import metadata

from packaging.requirements import Requirement

from lessons_lib.base.console import tell

__all__ = ["check", "faults"]

_WORDS = {
    "en": {
        "ready": "lessons_lib {version} is ready.",
        "missing": "{name} is not installed; the notebook needs {needed}.",
        "old": "{name} {version} is installed; the notebook needs {needed}.",
        "install": "Run this in a new cell, then choose Runtime > Restart session:",
    },
    "es": {
        "ready": "lessons_lib {version} está lista.",
        "missing": "Falta {name}; el cuaderno necesita {needed}.",
        "old": "{name} {version} no sirve; el cuaderno necesita {needed}.",
        "install": "Ejecuta esto en una celda nueva y elige Entorno de ejecución > "
        "Reiniciar sesión:",
    },
}


def faults(requirements: list[str] | None = None) -> list[tuple[Requirement, str | None]]:
    """Return each requirement that the installed packages do not meet, and the version there is.

    Args:
        requirements: such as ``["numpy>=2.0"]``; those of the installed library by default.

    Returns:
        Pairs of a requirement and the installed version; None for a package that is not there.
    """
    if requirements is None:
        requirements = metadata.requires("lessons-lib") or []
    found = []
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append((requirement, None))
        else:
            if not requirement.specifier.contains(version, prereleases=True):
                found.append((requirement, version))
    return found


def check(language: str = "en") -> None:
    """Print that the library is ready, or what is missing or too old and how to install it.

    Args:
        language: of what is printed, "en" or "es".

    Raises:
        ValueError: another language.
    """
    if language not in _WORDS:
        raise ValueError(f"expected one of {sorted(_WORDS)}, got {language!r}")
    words = _WORDS[language]
    found = faults()
    for requirement, version in found:
        line = words["old" if version else "missing"]
        tell(line.format(name=requirement.name, version=version, needed=requirement))
    if found:
        command = " ".join(f'"{requirement}"' for requirement, _ in found)
        tell(f"{words['install']}\n\n    %pip install {command}")
    else:
        tell(words["ready"].format(version=metadata.version("lessons-lib")))
