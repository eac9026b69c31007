"""Which statements of a notebook a function needs.

A notebook is not run whole: chapters train for a minute, and one broken cell must not cost the
others. What defines a name is run, and what may change it: `table[3] = 5`, `table.append(5)`, a
call of a helper that fills it, `global`.
"""

import ast
import re
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Statement", "last_definition", "needed", "statements"]

NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)  # of a cell's text
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_ANYTHING = {"exec", "globals", "locals", "vars"}  # they may change names that nobody sees
_WRITE = {"open", "write_text", "write_bytes", "savetxt"}  # what a function may read with
_READ = {"open", "read_text", "read_bytes", "loadtxt"}
_FILES = "a file"  # stands for all files, among the names
_SETTINGS = re.compile(r"set\w+|seed|manual_seed|filterwarnings|simplefilter")  # of a module
_IN_PLACE = re.compile(  # functions that change what they are given
    r"next|setattr|delattr|shuffle|heap\w+|insort\w*|put|place|putmask|copyto|fill_diagonal|\w+_"
)
_HANDS_ON = {"enumerate", "zip", "reversed", "list", "tuple", "sorted", "map", "iter"}
_METHODS = re.compile(  # methods that change their object, also where their result is used
    r"append|extend|insert|pop|popitem|remove|update|setdefault|add|discard|clear|sort|reverse|"
    r"subtract|appendleft|extendleft|popleft|rotate|fill|resize|send|__\w+__|\w+_"
)
_LINE = re.compile(  # IPython's own: %magic, files = !ls, help?; a backslash goes on below
    r"^([ \t]*)(?:(?:[\w, ]+= *)?[%!?](?:.*\\\r?\n)*.*|[\w.]+\?\??[ \t\r]*)$", re.MULTILINE
)
_TIMED = re.compile(r"^([ \t]*)%(?:time|timeit|prun)[ \t]+(?!-)", re.MULTILINE)
_CELL = re.compile(r"\s*%%(\w+)([^\n]*)\n?")
_PYTHON_CELLS = {"time", "timeit", "capture", "prun", "python", "python3"}


@dataclass(frozen=True)
class Statement:
    """A statement of a notebook, and what it does with the notebook's names."""

    cell: int
    node: ast.stmt
    bound: frozenset[str]  # it assigns, defines or imports them
    imported: frozenset[str]
    used: frozenset[str]  # it, or a function inside it, reads them
    calls: frozenset[str]  # it reads them when it runs
    changed: frozenset[str]  # it changes them in place; * is anything
    handed: frozenset[str]  # it gives them to a function
    asked: frozenset[str]  # it calls their methods
    called: frozenset[str]  # it calls them
    settings: frozenset[str]  # it changes how these modules work; a loop's seeds are its own
    aliases: frozenset[tuple[str, str]]  # the first is another name for the second, or for a part
    inside: "Inside"  # what functions inside it do when they are called


@dataclass
class Inside:
    """What functions do when they are called."""

    changed: set[str] = field(default_factory=set)  # names outside of them
    arguments: bool = False  # they change what they are given,
    passed_on: bool = False  # or give it to another function
    itself: bool = False  # a function changes what it keeps (nonlocal), a method its class
    objects: bool = False  # a method changes the object that it is called on


def statements(cells: Iterable[str]) -> tuple[list[Statement], dict[int, Exception]]:
    """Return the statements of all cells, and the errors of those that are not Python."""
    found, errors = [], {}
    for i, cell in enumerate(cells):
        try:
            found += [_statement(i, node) for node in _parse(cell).body]
        except NOT_PYTHON as error:
            errors[i] = error
    return found, errors


def last_definition(name: str, cells: list[str], found: list[Statement], errors: dict) -> int:
    """Return the number of the cell with the last definition of `name`, or the last of all.

    Raises the error of that cell if it is not Python.
    """
    places = [statement.cell for statement in found if name in statement.bound]
    broken = [i for i in errors if re.search(rf"\bdef\s+{name}\b", cells[i])]
    if broken and broken[-1] > max(places, default=-1):
        raise errors[broken[-1]]
    return max(places, default=len(cells) - 1)


def needed(name: str, found: list[Statement]) -> list[Statement]:
    """Return the statements that define `name` and, in turn, the names that these use.

    What had the name before a function or class took it counts only where something needed then
    saw it.
    """
    effects = _effects(found)
    imported = frozenset().union(*(statement.imported for statement in found))
    last = max((i for i, statement in enumerate(found) if name in statement.bound), default=-1)
    if last >= 0 and not isinstance(found[last].node, ast.FunctionDef | ast.ClassDef):
        last = -1
    wanted, kept, grown = {name}, set(), True
    while grown:
        grown = False
        seen = last >= 0 and name in found[last].calls
        seen = seen or any(name in found[i].used for i in kept if i < last)
        for i, statement in enumerate(found):
            touched = statement.bound | statement.settings | effects[i] - imported
            if i < last and not seen:
                touched = touched - {name}
            if i not in kept and (wanted & touched or "*" in touched):
                kept.add(i)
                wanted |= statement.used
                grown = True
    return [found[i] for i in sorted(kept)]


def _effects(found: list[Statement]) -> list[set[str]]:
    """Return, for each statement, the names that it may change when it runs."""
    changed, reads, others = defaultdict(set), defaultdict(set), defaultdict(set)
    mutators, passing, keepers, kinds, values = set(), set(), set(), set(), set()
    for statement in found:
        inside = statement.inside
        mutators |= statement.bound if inside.arguments else set()
        passing |= statement.bound if inside.passed_on else set()
        keepers |= statement.bound if inside.itself else set()
        if inside.objects and isinstance(statement.node, ast.ClassDef):
            kinds |= statement.bound
        elif inside.objects:
            keepers |= statement.bound
        if not isinstance(statement.node, ast.FunctionDef | ast.ClassDef):
            values |= statement.bound - statement.imported
        for name in statement.bound:
            changed[name] |= inside.changed
            reads[name] |= statement.used
    for statement in found:
        for name, other in statement.aliases:
            others[name] |= {other} & values
    reached = {name: _reachable({name}, reads) for name in reads}
    mutators |= {name for name in passing if reached[name] & mutators}
    # An object that the notebook holds keeps what its methods change. A function that makes one
    # for itself, or the class, is the same after a call as before.
    keepers |= {name for name in values if reached.get(name, set()) & (keepers | kinds)}
    makes = {name: used if name in values else used - kinds for name, used in reads.items()}
    keepers = {name for name in makes if _reachable({name}, makes) & keepers}
    effects = []
    for statement in found:
        effect = set(statement.changed) | (statement.asked | statement.called) & keepers
        for name in statement.calls:
            effect = effect.union(*(changed[other] for other in reached.get(name, ())))
        if statement.calls & mutators:
            effect |= statement.handed & values
        effects.append(_reachable(effect, others))
    return effects


def _reachable(names: set[str], steps: Mapping[str, set[str]]) -> set[str]:
    seen, waiting = set(), list(names)
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += steps.get(one, ())
    return seen


# ---------------------------------------------------------------- one cell, one statement


def _parse(cell: str) -> ast.Module:
    """Parse a cell; IPython's own lines are passed over, and what `%time` times is kept."""
    if magic := _CELL.match(cell):
        kind, rest = magic.groups()
        if kind == "writefile":
            return _write_file(rest, cell[magic.end() :])
        if kind not in _PYTHON_CELLS:
            return ast.Module([], [])
        cell = cell[magic.end() :]
    try:
        return ast.parse(cell)
    except SyntaxError:
        return ast.parse(_LINE.sub(r"\1pass", _TIMED.sub(r"\1", cell)))


def _write_file(arguments: str, text: str) -> ast.Module:
    """Return what `%%writefile helper.py` does, as a statement that is always needed."""
    *options, name = arguments.split() or [""]
    mode = "a" if "-a" in options else "w"
    return ast.parse(f"globals(), open({name!r}, {mode!r}, encoding='utf-8').write({text!r})")


def _statement(cell: int, node: ast.stmt) -> Statement:
    table = symtable.symtable(ast.unparse(node), "<notebook>", "exec")
    symbols = table.get_symbols()
    imported = frozenset(s.get_name() for s in symbols if s.is_imported())
    assigned = frozenset(s.get_name() for s in symbols if s.is_assigned())
    calls = frozenset(s.get_name() for s in symbols if s.is_referenced())
    own = list(_own([node]))
    does = _does(own)
    if isinstance(node, ast.ImportFrom):
        does.changed |= {"*"} & {alias.name for alias in node.names}
    return Statement(
        cell,
        node,
        imported | assigned,
        imported,
        frozenset(_used(table)) | ({_FILES} if _reads(node) else set()),
        calls,
        frozenset(does.changed),
        frozenset(does.handed),
        frozenset(does.asked),
        frozenset(does.called),
        frozenset() if isinstance(node, ast.For | ast.While) else frozenset(does.settings),
        frozenset(does.aliases),
        _inside(own, frozenset()),
    )


def _reads(node: ast.stmt) -> bool:
    """Tell whether a statement, or a function inside it, reads a file."""
    called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return any(getattr(one, "id", getattr(one, "attr", None)) in _READ for one in called)


def _own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield what runs when `nodes` run: the bodies of functions inside them do not."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _FUNCTION):
            waiting += [*getattr(node, "decorator_list", ()), *node.args.defaults]
        else:
            waiting += ast.iter_child_nodes(node)


def _root(node: ast.AST | None) -> str | None:
    """Return `table` for `table[3]`, `table.rows` and `table.get(3)`; nothing for `len(table)`."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Call | ast.Starred):
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            return None
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


@dataclass
class _Does:
    """What nodes do to names; see the fields of `Statement`."""

    changed: set = field(default_factory=set)
    handed: set = field(default_factory=set)
    asked: set = field(default_factory=set)
    called: set = field(default_factory=set)
    settings: set = field(default_factory=set)
    aliases: set = field(default_factory=set)


def _does(own: Iterable[ast.AST]) -> _Does:
    does = _Does()
    for node in own:
        match node:
            case (
                ast.Subscript(ctx=ast.Store() | ast.Del())
                | ast.Attribute(ctx=ast.Store() | ast.Del())
            ):
                does.changed.add(_root(node))
            case ast.AugAssign(target=ast.Name(id=name)):
                does.changed.add(name)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                does.changed.add(_root(method))
            case ast.Assign(targets=targets, value=value):
                does.aliases |= {(_root(target), _root(value)) for target in targets}
            case ast.NamedExpr(target=target, value=value):
                does.aliases.add((target.id, _root(value)))
            case (
                ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values)
            ):
                does.aliases |= {(a, b) for a in _names([target]) for b in _parts(values)}
            case ast.Call(func=called):
                _call(node, called, does)
    does.aliases = {pair for pair in does.aliases if None not in pair}
    for names in (does.changed, does.asked, does.settings):
        names.discard(None)
    return does


def _call(node: ast.Call, called: ast.expr, does: _Does) -> None:
    arguments = [*node.args, *(word.value for word in node.keywords)]
    does.handed |= _names(arguments)
    if isinstance(called, ast.Attribute):
        name = called.attr
        does.asked.add(_root(called))
        if _METHODS.fullmatch(name):
            does.changed.add(_root(called))
        if _SETTINGS.fullmatch(name):
            does.settings.add("*" if _root(called) == "sys" else _root(called))
    elif isinstance(called, ast.Name):
        name = called.id
        does.called.add(name)
    else:
        return
    if name in _WRITE:
        does.changed.add(_FILES)
    if name in _ANYTHING:
        does.changed.add("*")
    if _IN_PLACE.fullmatch(name):
        does.changed |= {_root(argument) for argument in arguments} - {None}


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {node.id for node in _own(nodes) if isinstance(node, ast.Name)}


def _parts(values: ast.expr) -> set[str]:
    """Return the names whose parts a loop over `values` may take."""
    if isinstance(values, ast.Call) and isinstance(values.func, ast.Name):
        return _names(values.args) if values.func.id in _HANDS_ON else set()
    return _names([values])


def _inside(own: Iterable[ast.AST], outer: frozenset[str]) -> Inside:
    """Return what functions among nodes do when called; `outer` names are local around them."""
    found = Inside()
    for function in own:
        if not isinstance(function, _FUNCTION):
            continue
        nodes = list(_own([function.body] if isinstance(function, ast.Lambda) else function.body))
        arguments = [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]
        itself = {name for name in arguments[:1] if name in ("self", "cls")}
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        declared = {name for n in nodes if isinstance(n, ast.Global) for name in n.names}
        nonlocals = {name for n in nodes if isinstance(n, ast.Nonlocal) for name in n.names}
        local = frozenset([*arguments, *stored]) - declared - nonlocals
        does = _does(nodes)
        others = defaultdict(set)
        for name, other in does.aliases:
            others[name].add(other)
        changed = _reachable(does.changed, others)
        deeper = _inside(nodes, outer | local)
        found.changed |= changed - local - outer | stored & declared | deeper.changed
        given = set(arguments) - itself
        found.arguments |= bool(changed & given) or deeper.arguments
        found.passed_on |= bool(does.handed & given)
        begins = getattr(function, "name", "") in ("__init__", "__post_init__", "__new__")
        kept = stored & nonlocals | changed & outer - local
        kept |= changed & itself & {"cls"}
        found.itself |= bool(kept) or deeper.itself
        found.objects |= bool(changed & itself - {"cls"} and not begins) or deeper.objects
    return found


def _used(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the global names that a statement, or any function inside it, uses."""
    module = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() if module else symbol.is_global():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _used(child)
