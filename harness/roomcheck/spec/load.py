"""YAML text -> Spec -> Contract. Everything that can be known to be wrong is said at once, with file:line:column."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce
from posixpath import dirname, join, normpath
from types import MappingProxyType

from roomcheck.errors import Problem, SpecError, UsageError
from roomcheck.model.fault import FaultKind
from roomcheck.spec.case import OFFLINE
from roomcheck.spec.contract import A_SERVER, SECOND_SESSION, Contract, Rule, View
from roomcheck.spec.fit import fit
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import Node, merge, read
from roomcheck.spec.rules import Rulebook
from roomcheck.spec.scenarios import Draft, drafts
from roomcheck.spec.shape import SpecShape
from roomcheck.spec.unused import surely_unused
from roomcheck.spec.vocabulary import Binding
from roomcheck.spec.where import Where

NO_SECOND_SESSION = "a user of the room has no second session"
Include = Callable[[str], str | bytes]
NotApplicable = tuple[tuple[str, str, str], ...]
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Spec:
    """A spec without mistakes, before a target gives its constants and options values."""

    def __init__(self, file: str, doc: Node, shape: SpecShape) -> None:
        self.file = file
        self.doc = doc
        self.shape = shape
        self.spec = shape.spec
        self.title = shape.title
        self.revision = shape.revision
        self.constants = tuple(shape.constants)
        self.options = {name: tuple(option.one_of) for name, option in shape.options.items()}
        self.operations = tuple(shape.operations)
        self.requirements = tuple(shape.requirements)

    def bind(
        self,
        constants: Mapping[str, str | int] = _NOTHING,
        options: Mapping[str, str] = _NOTHING,
        scale: float = 1.0,
        faults: Iterable[str] | None = None,
        lacks: Iterable[str] = (),
        places: Mapping[str, Where] = MappingProxyType({}),
    ) -> Contract:
        """The contract with these values, `scale` times faster. Without the cases that do not apply.

        `lacks` names operations and kinds of fault, or is SECOND_SESSION or A_SERVER with a reason.
        Constants are expressions or microseconds; all durations are scaled, also those that stand in the file as
        literals. `places` is where a target says what (Target.places), for problems. SpecError if a value does not fit.
        """
        words, cases = self.draft(Binding(constants, options, scale, places))
        lacking = _Lacking(faults, lacks)
        lacking.check(words, places)
        return Contract(
            spec=self.spec,
            revision=self.revision,
            title=self.title,
            constants=words.constants,
            typical=frozenset(name for name, c in self.shape.constants.items() if c.typical),
            codes=words.codes,
            options=words.options,
            callbacks=words.callbacks,
            operations=words.operations,
            requirements=words.requirements,
            views=tuple(_in_force(view, words) for view in words.views),
            cases=tuple(d.case for d in cases if words.holds(d.when) and not lacking.reason(d)),
            pace=words.pace,
            scale=scale,
            faults=frozenset(FaultKind(kind) for kind in lacking.takes),
            lacks=lacking.lacks,
        )

    def not_applicable(
        self, options: Mapping[str, str] = _NOTHING, faults: Iterable[str] | None = None, lacks: Iterable[str] = ()
    ) -> NotApplicable:
        """(case id, title, reason) of the cases that `bind` leaves out because the target lacks something."""
        words, cases = self.draft(Binding(options=options))
        lacking = _Lacking(faults, lacks)
        reasons = ((d.case, lacking.reason(d)) for d in cases if words.holds(d.when))
        return tuple((case.id, case.title, reason) for case, reason in reasons if reason)

    def draft(self, binding: Binding) -> tuple[Rulebook, list[Draft]]:
        """Everything under a binding, also what options switch off. SpecError if a value does not fit."""
        problems = Problems()
        words = Rulebook(self.doc, self.shape, problems, binding)
        cases = drafts(words)
        problems.raise_any()
        return words, cases


class _Lacking:
    """Why a case cannot be asked of a target."""

    def __init__(self, faults: Iterable[str] | None, lacks: Iterable[str]) -> None:
        named = set(lacks)
        self.takes = frozenset(FaultKind if faults is None else map(FaultKind, faults)) - named
        self.lacks = frozenset(named - set(FaultKind))

    def check(self, words: Rulebook, places: Mapping[str, Where]) -> None:
        """SpecError if it names something that no room of this contract could have."""
        known = {*words.operations, SECOND_SESSION}
        for name in sorted(self.lacks - known):
            if not name.startswith(A_SERVER):
                where = places.get(f"lacks.{name}", words.doc.where)
                words.problems.unknown(where, "operation, fault or session", name, [*known, *FaultKind])
        words.problems.raise_any()

    def reason(self, draft: Draft) -> str:
        operations = sorted(draft.operations & self.lacks)
        kinds = sorted(draft.kinds - self.takes)
        absent = [] if OFFLINE in draft.case.tags else [entry for entry in self.lacks if entry.startswith(A_SERVER)]
        return "; ".join(
            [f"there is no {entry}" for entry in absent]
            + [f"the room does not have {name}" for name in operations]
            + [NO_SECOND_SESSION] * (SECOND_SESSION in self.lacks and draft.case.schedule.second_session)
            + [f"the target does not take the fault {kind}" for kind in kinds]
        )


def _in_force(view: View, words: Rulebook) -> View:
    """The view without the rules that options switch off."""

    def holds(rule: Rule) -> bool:
        return words.holds(words.rules[rule.id].when)

    return replace(view, rules=tuple(rule for rule in view.rules if holds(rule)))


def load_spec(text: str | bytes, file: str, include: Include | None = None) -> Spec:
    """Read a spec and check it with its own values. `include` gives the text of a file that one extends, by its path.

    SpecError holds every problem in the order of the file.
    """
    problems = Problems()
    doc = _whole(text, file, include)
    shape = fit(SpecShape, doc, problems)
    if shape is None:
        raise SpecError(problems.found)
    spec = Spec(file, doc, shape)
    words = Rulebook(doc, shape, problems, Binding())
    drafts(words)
    for where, message in surely_unused(words) if problems.found else ():
        problems.add(where, message)
    problems.raise_any()
    return spec


def _whole(text: str | bytes, file: str, include: Include | None) -> Node:
    """The document, merged over those that it extends; each is looked for from the file that names it."""
    whole = [read(text, file)]
    chain = [normpath(file)]
    while (named := whole[-1].child("extends")) is not None and isinstance(named.value, str):
        where = named.where
        base = normpath(join(dirname(chain[-1]), named.value))

        def refuse(message: str, where: Where = where) -> SpecError:
            return SpecError([Problem(where.file, where.line, where.column, message)])

        if include is None:
            raise refuse(f"cannot read {base!r}: no other files can be read here")
        if base in chain:
            raise refuse(f"extends in a circle: {' -> '.join([*chain, base])}")
        try:
            text = include(base)
        except UsageError as e:
            raise refuse(str(e)) from e
        except (OSError, LookupError, ValueError) as e:
            raise refuse(f"cannot read {base!r}: {e}") from e
        whole.append(read(text, base))
        chain.append(base)
    return reduce(merge, reversed(whole))
