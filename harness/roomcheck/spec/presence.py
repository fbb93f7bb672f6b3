"""What a spec says of presence: the session that the server keeps of a user, and how the news of it travels."""

from collections.abc import Mapping
from typing import Any

from roomcheck.spec.contract import End, Ending, Hearing, Presence, Sign, View
from roomcheck.spec.interface import Callback
from roomcheck.spec.shape import EndingShape, PresenceShape, SessionShape, WindowShape
from roomcheck.spec.vocabulary import Step, Vocabulary

VIEW = "presence"
AT: tuple[Step, ...] = ("presence",)
WAYS = ("request", "act", "silence", "loss", "expiry", "elsewhere")


def presence_view(words: Vocabulary, shape: PresenceShape) -> View:
    """The view of one observer on one user: no rules, two states."""
    signs, told = _news(words, shape)
    return View(
        name=VIEW,
        signs=signs,
        told=told,
        initial="absent",
        rules=(),
        presence=_presence(words, shape, signs["absent"].callback if signs else None),
        otherwise=words.requirement(shape.otherwise, words.where(*AT, "otherwise")),
        where=words.doc.key("presence"),
    )


def _presence(words: Vocabulary, shape: PresenceShape, left_by: str | None) -> Presence:
    """`left_by`: the callback that tells who has gone."""
    seen = shape.observers
    session, link = shape.session, shape.link
    at = (*AT, "session")
    delivery = words.duration(shape.delivery, *AT, "delivered within")
    replaced = session.replaced
    presence = Presence(
        observers=Hearing(
            states=words.names_in(seen.inside, words.own_states, "state", *AT, "observers", "inside"),
            away=words.names_in(seen.cut_off, words.own_states, "state", *AT, "observers", "cut off"),
            list_within=words.duration(seen.list_within, *AT, "observers", "list right within"),
            shared=seen.shared,
        ),
        requested_by=_requests(words, session),
        opened_by=_opened(words, session),
        renewed_by=words.names_in(session.renewed_by, words.own_states, "state", *at, "renewed by"),
        endings=tuple(
            ending
            for i, one in enumerate(session.ended_by)
            if (ending := _ending(words, shape, one, left_by, *at, "ended by", i)) and words.holds(one.when)
        ),
        delivery=delivery,
        told_by_member=shape.told_by == "member",
        noticed=words.duration(link.noticed, *AT, "link", "loss noticed within"),
        back=words.duration(link.back, *AT, "link", "back within"),
        replaced_quietly=replaced is None or "nothing" in replaced.told_as,
        replaced_aloud=replaced is not None and "left then joined" in replaced.told_as,
        list_requirement=words.requirement(seen.for_, words.where(*AT, "observers", "for")),
        first_list_requirement=words.requirement(
            seen.newcomers or seen.for_, words.where(*AT, "observers", "newcomers" if seen.newcomers else "for")
        ),
        lists=_lists(words, shape),
        of_oneself=shape.oneself == "either",
        counted=session.until_last is not None,
        counted_requirement=words.requirement(session.until_last, words.where(*at, "until the last device")),
        replaced_requirement=words.requirement(
            replaced.for_ if replaced else None, words.where(*at, "replaced", "for")
        ),
    )
    _outside(words, presence)
    return presence


def _outside(words: Vocabulary, presence: Presence) -> None:
    """Whoever is told that its session has expired is there no more, and has not asked to leave."""
    there = {*presence.observers.states, *presence.observers.away, *presence.requested_by, *presence.opened_by}
    asked = {name for ending in presence.endings if ending.kind is End.REQUEST for name in ending.names}
    for ending in presence.endings:
        for name in sorted(ending.names & (there | asked)) if ending.kind is End.EXPIRY else ():
            why = "who is told so is still there" if name in there else "that is told who has asked to leave"
            words.problems.add(ending.where, f"{name} cannot say that a session has expired: {why}")


def _news(words: Vocabulary, shape: PresenceShape) -> tuple[dict[str, Sign], dict[str, Any]]:
    """The callbacks that bring the news, and what stands for each: a field's value, or the callback's name."""
    if shape.joined is None or shape.left is None:
        if shape.joined or shape.left or not shape.lists:
            text = "who comes and who goes is told by `joined` and `left`, or by `lists`"
            words.problems.add(words.doc.key("presence"), text)
        return {}, {"present": "joined", "absent": "left"}
    (came,), (went,) = shape.joined, shape.left
    signs = {"present": _sign(words, shape.joined, "joined"), "absent": _sign(words, shape.left, "left")}
    if came != went:
        return signs, {"present": came, "absent": went}
    joined, left = (sign.patterns for sign in signs.values())
    if any(one.items() <= other.items() or other.items() <= one.items() for one in joined for other in left):
        text = "one field must differ between `joined` and `left`"
        words.problems.add(words.where(*AT, "left"), text)
    differing = [f for f in joined[0] if f in left[0] and left[0][f] != joined[0][f]]
    if len(differing) != 1:
        return signs, {"present": "joined", "absent": "left"}
    return signs, {state: sign.fields.get(differing[0]) for state, sign in signs.items()}


def _lists(words: Vocabulary, shape: PresenceShape) -> dict[str, str]:
    for name in shape.lists:
        where = words.doc.at((*AT, "lists")).key(name)
        if words.expect_name(name, words.callbacks, "callback", where):
            about = words.callbacks[name].about
            if about is None or not any(many for _, many in about.steps):
                words.problems.add(where, f"{name} names no list of users; give it `about`, such as users[].id")
    return {name: one.oneself for name, one in shape.lists.items()}


def _sign(words: Vocabulary, told_by: Mapping[str, Mapping[str, Any]], key: str) -> Sign:
    ((name, pattern),) = told_by.items()
    where = words.doc.at((*AT, key)).key(name)
    callback = words.callbacks.get(name)
    if callback is None:
        words.problems.unknown(where, "callback", name, words.callbacks)
        return Sign(name, {})
    if words.shape.callbacks[name].about is None:
        words.problems.add(where, f"{name} does not say who it is about; give it `about`")
    first, *also = words.patterns(pattern, callback, *AT, key, name)
    return Sign(name, first, tuple(also))


def _requests(words: Vocabulary, session: SessionShape) -> dict[str, Mapping[str, tuple[Any, ...]]]:
    at = (*AT, "session", "requested by")
    calls = {name for name, operation in words.operations.items() if not operation.admin}
    said = words.keyed_by(session.requested_by, words.own_states | calls, "state", *at)
    given = {key: words.given(args, words.operations.values(), *at, key) for key, args in session.requested_by.items()}
    return {name: given[key] for name, (key, _) in said.items()}


def _opened(words: Vocabulary, session: SessionShape) -> dict[str, str | None]:
    at = (*AT, "session", "opened by")
    said = words.keyed_by(session.opened_by, words.own_states, "state", *at)
    named = {key: words.requirement(name, words.where(*at, key)) for key, name in session.opened_by.items()}
    return {state: named[key] for state, (key, _) in said.items()}


def _ending(words: Vocabulary, whole: PresenceShape, shape: EndingShape, told_by: str | None, *at: Step) -> Ending:
    node = words.doc.at(at)
    callback = words.callbacks.get(told_by or "", Callback(told_by or "", None, None, {}))
    if shape.with_ and told_by is None:
        words.problems.add(node.key("with"), "a list has no fields of its own for who has gone")
    ways = [way for way in WAYS if way in node.keys]
    if len(ways) != 1:
        found = " and ".join(ways) or "none"
        words.problems.add(node.where, f"one way to end a session: {', '.join(WAYS)}; here is {found}")
    words.when(shape.when, *at)
    kind, names, text = End.ELSEWHERE, frozenset[str](), "another session elsewhere"
    after = within = about = 0
    if shape.request:
        kind, text = End.REQUEST, f"told {words.any_of(shape.request)}"
        names = words.names_in(shape.request, words.own_states, "state", *at, "request")
    elif shape.act is not None:
        kind, names, text = End.ACT, frozenset({shape.act}), shape.act
        known = [name for name, operation in words.operations.items() if operation.admin]
        words.expect_name(shape.act, known, "act", words.where(*at, "act"))
    elif shape.silence is not None:
        last = shape.silence.about or shape.silence.within
        kind, text = End.LOSS, f"silence for {'about ' if shape.silence.about else ''}{last}"
        after, within, about = _window(words, shape.silence, *at, "silence")
        early = words.duration(whole.link.speaks_every, *AT, "link", "speaks every")
        early += words.duration(whole.link.one_way, *AT, "link", "one way")
        if "after" in words.doc.at((*at, "silence")).keys and not about:
            words.problems.add(words.doc.at((*at, "silence")).key("after"), "`silence` is a time; leave `after` out")
        earliest, latest = (after if about else within), after + within
        after = max(0, earliest - early)
        within = latest - after
    elif shape.loss is not None:
        kind, text = End.LOSS, "loss of its link"
        after, within, about = _window(words, shape.loss, *at, "loss")
    elif shape.expiry is not None:
        kind, text = End.EXPIRY, f"expiry, told as {' or '.join(shape.expiry.told)}"
        names = words.names_in(shape.expiry.told, words.own_states, "state", *at, "expiry", "told")
        after = words.duration(shape.expiry.after, *at, "expiry", "after")
    return Ending(
        kind=kind,
        names=names,
        after=after,
        within=within,
        about=about,
        given=words.given(shape.given or {}, words.operations.values(), *at, "given"),
        pattern=words.pattern(shape.with_ or {}, callback, *at, "with"),
        again=shape.again,
        requirement=words.requirement(shape.for_, words.where(*at, "for")),
        owed=shape.told == "always",
        unheard=words.requirement(shape.unheard, words.where(*at, "unheard")),
        earlier=words.requirement(shape.earlier, words.where(*at, "earlier")),
        text=text,
        where=node.where,
    )


def _window(words: Vocabulary, shape: WindowShape, *at: Step) -> tuple[int, int, int]:
    if shape.within is None and shape.about is None and not words.problems.lost:
        words.problems.add(words.where(*at), "give `within` or `about`, else nothing is ever due")
    return words.window(shape, *at)
